// The program around the page: command line, files, durable state, output. Started by ../chromium-peer.

import path from "node:path";

import { loadExplanations } from "../host/causes.js";
import { Disk } from "../host/disk.js";
import { UsageError, parseOptions } from "../host/options.js";
import { runMain } from "../host/output.js";
import { openPage } from "./browser.js";
import { State } from "./state.js";

// What the page calls.
function hostCalls({ state, ca }, disk, print, quit) {
  return {
    event: print.event,
    failure: print.failure,
    saveMember: (member) => state.save(ca ? { ...member, ca } : member),
    quit,
    scan: () => disk.scan(),
    list: () => disk.list(),
    read(filePath, hash, offset, length) {
      const { changed, bytes } = disk.read(filePath, hash, offset, length);
      return { changed, bytes: bytes.toString("base64") };
    },
    receive: (orders) => disk.receive(
      orders.map((order) => (order.bytes ? { ...order, bytes: Buffer.from(order.bytes, "base64") } : order))),
  };
}

async function run(options, print) {
  const { command } = options;
  const state = new State(options.state);
  const member = state.load();
  const joined = command === "share" || command === "fetch";
  if (joined && !member) throw new Error("The state directory has no member: create or join first.");
  if (!joined && member) throw new Error("The state directory has a member already.");
  if (command === "create" && !options.relay) throw new UsageError("create needs --relay.");

  let disk = null;
  if (joined) {
    disk = new Disk(options.word);
    if (command === "fetch") disk.settle();
    disk.scan();
    print.event({ event: "scanned", files: disk.folder.files.length, bytes: disk.folder.bytes });
  }
  let page = null;
  let ending = false;
  async function quit(status) {
    if (ending) return;
    ending = true;
    await page?.evaluate(() => window.peer.stop?.()).catch(() => {});
    await page?.context().close().catch(() => {});
    process.exit(status);
  }
  process.stdout.on("error", () => quit(1)); // nobody reads any more
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"]) process.on(signal, () => quit(command === "share" ? 0 : 1));
  const ca = options.ca ? path.resolve(options.ca) : member?.ca;
  page = await openPage(
    { directory: path.join(options.state, "chromium"), ca, bind: options.bind },
    hostCalls({ state, ca }, disk, print, quit),
    (text) => {
      if (!ending) print.failure(text);
      quit(1);
    });
  if (joined) {
    await page.evaluate((given) => window.peer.run(...given), [options, member, disk.folder.path, loadExplanations()]);
  } else {
    process.stdout.write(`${await page.evaluate((given) => window.peer[given.command](given), options)}\n`);
    await quit(0);
  }
}

await runMain("chromium-peer", (error) => error instanceof UsageError,
  (print) => run(parseOptions(process.argv.slice(2), { create: false, join: true }), print));
