// The command line of syncshell-sync(1).

import { parseIceUrl } from "../common/server.js";

const VALUES = ["state", "relay", "ca", "syncshell", "from", "bind"];

export class UsageError extends Error {}

// `own`: commands beside share and fetch, each with whether it takes a word.
export function parseOptions(words, own = {}) {
  const options = { iceServers: [], relayOnly: false };
  const plain = [];
  words = [...words];
  while (words.length > 0) {
    const word = words.shift();
    if (word === "--") plain.push(...words.splice(0));
    else if (word.startsWith("-")) takeOption(options, word, words);
    else plain.push(word);
  }
  options.command = plain.shift();
  const takesWord = { share: true, fetch: true, ...own }[options.command];
  if (takesWord === undefined) throw new UsageError("The command is share or fetch.");
  if (plain.length !== Number(takesWord)) throw new UsageError("A command and a folder are needed, and nothing else.");
  options.word = plain[0];
  if (!options.state) throw new UsageError("--state is needed: the state directory of this member.");
  if (options.command === "share" && options.from) throw new UsageError("--from has no meaning for share.");
  return options;
}

function takeOption(options, word, words) {
  const [, name, , value] = /^--([a-z-]+)(=(.*))?$/s.exec(word) ?? [];
  if (name === "relay-only") {
    options.relayOnly = true;
    return;
  }
  if (!VALUES.includes(name) && name !== "ice-server") throw new UsageError("There is an unknown option.");
  const given = value ?? words.shift();
  if (!given) throw new UsageError("An option lacks its value.");
  if (name === "ice-server") options.iceServers.push(parseIceServer(given));
  else options[name] = given;
}

// URL[,USERNAME,PASSWORD], the latter two percent-encoded where they contain a comma or a percent sign.
function parseIceServer(text) {
  const [url, username, password, ...more] = text.split(",");
  if (!parseIceUrl(url) || more.length > 0 || (username === undefined) !== (password === undefined))
    throw new UsageError("An ICE server is URL[,USERNAME,PASSWORD] with a stun: or turn: URL.");
  try {
    return { url, username: decodeURIComponent(username ?? ""), credential: decodeURIComponent(password ?? "") };
  } catch {
    throw new UsageError("An ICE server's name or password is not percent-encoded rightly.");
  }
}
