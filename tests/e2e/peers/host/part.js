// A file that has arrived in part, on the disk exactly as shared/sync/part.h has it, so that either program goes on where the
// other stopped: NAME.part with the bytes so far, always from the file's beginning, and NAME.meta that says which file they are of.

import crypto from "node:crypto";
import fs from "node:fs";
import path from "node:path";

import { PRIVATE, hashFile, isPathValid } from "./folder.js";

const NAME_DIGITS = 32;
const { O_RDWR, O_CREAT, O_NOFOLLOW } = fs.constants;

function directoryOf(folder) {
  const directory = path.join(folder.path, PRIVATE);
  fs.mkdirSync(directory, { recursive: true });
  if (!fs.lstatSync(directory).isDirectory()) throw Object.assign(new Error("not a folder"), { code: "ENOTDIR" });
  return directory;
}

function readMeta(base) {
  try {
    const { path: filePath, size, hash } = JSON.parse(fs.readFileSync(`${base}.meta`, "utf8"));
    if (!isPathValid(filePath) || !Number.isSafeInteger(size) || size < 0 || !/^[0-9a-f]{64}$/i.test(hash)) return null;
    return { path: filePath, size, hash };
  } catch {
    return null;
  }
}

function forget(base) {
  for (const suffix of [".part", ".meta"]) fs.rmSync(base + suffix, { force: true });
}

export class Part {
  // Goes on with what is there of the same size and hash, or starts over.
  constructor(folder, filePath, size, hash) {
    Object.assign(this, { folder, path: filePath, size, hash, have: 0 });
    const digest = crypto.createHash("sha256").update(filePath).digest("hex");
    this.base = path.join(directoryOf(folder), digest.slice(0, NAME_DIGITS));
    const known = readMeta(this.base);
    const continued = known?.path === filePath && known.size === size && known.hash.toLowerCase() === hash.toLowerCase();
    if (!continued) {
      forget(this.base); // first the bytes: never old bytes under a new description
      fs.writeFileSync(`${this.base}.new`, JSON.stringify({ path: filePath, hash, size }));
      fs.renameSync(`${this.base}.new`, `${this.base}.meta`);
    }
    this.fd = fs.openSync(`${this.base}.part`, O_RDWR | O_CREAT | O_NOFOLLOW, 0o666);
    this.state = crypto.createHash("sha256");
    const there = fs.fstatSync(this.fd).size;
    if (there > size) this.#startOver();
    else if (hashFile(this.state, this.fd, there)) this.have = there;
  }

  close() {
    if (this.fd >= 0) fs.closeSync(this.fd);
    this.fd = -1;
  }

  // Offset 0 starts over. What does not follow the bytes that are there is left out.
  write(offset, bytes) {
    if (offset === 0 && this.have > 0) this.#startOver();
    if (offset !== this.have || bytes.length > this.size - offset) return;
    for (let at = 0; at < bytes.length;) {
      const written = fs.writeSync(this.fd, bytes, at, bytes.length - at, this.have);
      at += written;
      this.have += written;
    }
    this.state.update(bytes);
  }

  // Verifies and puts the file in its place. Null, or why it is not what it should be.
  finish() {
    if (this.have !== this.size) return "bytes_missing";
    if (this.state.digest("hex") !== this.hash.toLowerCase()) {
      forget(this.base);
      this.have = 0;
      return "hash_mismatch";
    }
    this.folder.replace(this.path, `${this.base}.part`);
    forget(this.base);
    return null;
  }

  #startOver() {
    this.state = crypto.createHash("sha256");
    this.have = 0;
    fs.ftruncateSync(this.fd, 0);
  }
}

// All that are there: {path, size, hash, have}; unreadable ones are removed.
export function listParts(folder) {
  const directory = directoryOf(folder);
  const parts = [];
  for (const name of fs.readdirSync(directory)) {
    if (name.length !== NAME_DIGITS + ".meta".length || !name.endsWith(".meta")) continue;
    const base = path.join(directory, name.slice(0, NAME_DIGITS));
    const meta = readMeta(base);
    const status = fs.lstatSync(`${base}.part`, { throwIfNoEntry: false });
    if (meta && status?.isFile() && status.size <= meta.size) parts.push({ ...meta, have: status.size });
    else forget(base);
  }
  return parts;
}
