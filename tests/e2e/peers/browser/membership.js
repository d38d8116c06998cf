// Becoming a member: an identity, and a syncshell made or joined. What comes of it is the member that chromium/state.js keeps.

import { GroupKeys, fromBase64url, identityKey, random, toBase64url, utf8 } from "./keys.js";
import { Relay } from "./relay.js";

const INVITE = "syncshell1.";

export async function keysOf({ seed, syncshell: { id, secret } }) {
  return { identity: await identityKey(fromBase64url(seed)), keys: await GroupKeys.derive(fromBase64url(secret), id) };
}

export function encodeInvite({ relay, syncshell: { id, secret, owner } }) {
  return INVITE + toBase64url(utf8(JSON.stringify({ relay, id, secret, owner })));
}

export function decodeInvite(text) {
  if (!text.startsWith(INVITE)) throw new Error("This is no invite.");
  return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(fromBase64url(text.slice(INVITE.length))));
}

function newMember(relay, syncshell) {
  return { relay, seed: toBase64url(random(32)), syncshell: { epoch: 1, cursor: 0, storeEpoch: null, ...syncshell }, requests: {} };
}

export async function create(relayUrl) {
  const member = newMember(relayUrl, { id: random(8).toHex(), secret: toBase64url(random(32)) });
  const { identity, keys } = await keysOf(member);
  const { id } = member.syncshell;
  member.syncshell.owner = identity.peerId;
  await askOnce(relayUrl, identity, async ({ relayId, nonce }) => {
    const groupPublicKey = keys.group.publicKey;
    const proof = await keys.group.sign(
      ["syncshell.v1 create", relayId, nonce, id, identity.peerId, groupPublicKey].join("\n"));
    return { type: "CreateSyncshell", syncshellId: id, groupPublicKey, proof };
  });
  return member;
}

export async function join({ relay, id, secret, owner, epoch }) {
  const member = newMember(relay, { id, secret, owner, ...(epoch ? { epoch } : {}) });
  const { identity, keys } = await keysOf(member);
  await askOnce(relay, identity, async ({ relayId, nonce }) => joinRequest(keys, member, identity.peerId, relayId, nonce));
  return member;
}

export async function joinRequest(keys, { syncshell: { id, epoch, cursor, storeEpoch } }, peerId, relayId, nonce) {
  const proof = await keys.group.sign(["syncshell.v1 join", relayId, nonce, id, peerId, epoch].join("\n"));
  const known = storeEpoch ? { inboxCursor: cursor, storeEpoch } : {};
  return { type: "JoinSyncshell", syncshellId: id, keyEpoch: epoch, proof, ...known };
}

// Promises the answer to the one request that `make(hello)` promises.
function askOnce(relayUrl, identity, make) {
  return new Promise((resolve, reject) => {
    const refused = (code, message) => {
      relay.stop();
      reject(new Error(`The relay refuses: ${message ?? ""} (${code}).`));
    };
    const relay = new Relay(relayUrl, identity, {
      welcome: async (hello) => relay.request(await make(hello), null, {
        first: true,
        answered: (header) => {
          if (header.type === "Error") return refused(header.code, header.message);
          relay.stop();
          resolve(header);
        },
      }),
      frame: () => {},
      closed: (code) => refused(code || "relay_unreachable", "The connection ended"),
      stopped: refused,
    });
    relay.start();
  });
}
