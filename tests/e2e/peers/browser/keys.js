// Identity, group keys and sealing by WebCrypto, from schema/README.md.

const { subtle } = crypto;
const NONCE_BYTES = 12;
const PKCS8_ED25519 = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20]; // then the seed (RFC 8410)

export const utf8 = (text) => new TextEncoder().encode(text);

export function concat(...arrays) {
  const whole = new Uint8Array(arrays.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const array of arrays) {
    whole.set(array, at);
    at += array.length;
  }
  return whole;
}

export const random = (length) => crypto.getRandomValues(new Uint8Array(length));

const BASE64URL = { alphabet: "base64url", omitPadding: true };
export const toBase64url = (bytes) => bytes.toBase64(BASE64URL);
export const fromBase64url = (text) => Uint8Array.fromBase64(text, BASE64URL);

export const randomId = () => toBase64url(random(12));

export async function digest(text) {
  return new Uint8Array(await subtle.digest("SHA-256", utf8(text))).toHex();
}

// An Ed25519 key pair.
export class SigningKey {
  static async fromSeed(seed) {
    const made = new SigningKey();
    made.key = await subtle.importKey("pkcs8", concat(PKCS8_ED25519, seed), "Ed25519", true, ["sign"]);
    made.publicKey = (await subtle.exportKey("jwk", made.key)).x;
    return made;
  }

  async sign(text) {
    return toBase64url(new Uint8Array(await subtle.sign("Ed25519", this.key, utf8(text))));
  }
}

export async function identityKey(seed) {
  const key = await SigningKey.fromSeed(seed);
  key.peerId = `ed25519:${key.publicKey}`;
  return key;
}

// What a syncshell's secret gives.
export class GroupKeys {
  static async derive(secret, syncshellId) {
    const base = await subtle.importKey("raw", secret, "HKDF", false, ["deriveBits"]);
    const derive = async (info) => new Uint8Array(await subtle.deriveBits(
      { name: "HKDF", hash: "SHA-256", salt: utf8(syncshellId), info: utf8(info) }, base, 256));
    const keys = new GroupKeys();
    keys.group = await SigningKey.fromSeed(await derive("syncshell.v1 group-signing-key"));
    keys.sealing = await subtle.importKey("raw", await derive("syncshell.v1 sealing-key"), "AES-GCM", false, ["encrypt", "decrypt"]);
    return keys;
  }

  // `place`: {type, syncshellId, source, target, sessionId, generation, version}.
  async seal(place, plaintext) {
    const iv = random(NONCE_BYTES);
    const algorithm = { name: "AES-GCM", iv, additionalData: associatedData(place) };
    return concat(iv, new Uint8Array(await subtle.encrypt(algorithm, this.sealing, utf8(JSON.stringify(plaintext)))));
  }

  // Null when it does not open.
  async open(place, sealed) {
    try {
      const algorithm = { name: "AES-GCM", iv: sealed.subarray(0, NONCE_BYTES), additionalData: associatedData(place) };
      const plaintext = await subtle.decrypt(algorithm, this.sealing, sealed.subarray(NONCE_BYTES));
      return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(plaintext));
    } catch {
      return null;
    }
  }
}

function associatedData({ type, syncshellId, source, target, sessionId, generation, version }) {
  return utf8(["syncshell.v1 seal", type, syncshellId, source, target, sessionId, generation, version].join("\n"));
}
