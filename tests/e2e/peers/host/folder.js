// A folder as a list of files: path, size, SHA-256; as shared/sync/folder.h. Paths are relative, with "/", and never leave the
// folder: no symbolic link is followed. What is not a regular file, or has a path that is not allowed, is not listed.

import crypto from "node:crypto";
import fs from "node:fs";
import path from "node:path";

export const PRIVATE = ".syncshell-sync";
const PATH_BYTES_MAX = 1024;
const DEPTH_MAX = 64;
const BLOCK_BYTES = 1024 * 1024;
const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = fs.constants;

// Whether a path that came from outside may be used.
export function isPathValid(text) {
  const parts = text.split("/");
  return text.isWellFormed?.() !== false && !text.includes("\n") && !text.includes("\0") &&
    Buffer.byteLength(text) <= PATH_BYTES_MAX && parts.every((part) => part !== "" && part !== "." && part !== "..") &&
    parts[0] !== PRIVATE;
}

// The SHA-256 of a descriptor's first `size` bytes is added to `hash`. False: there are not as many.
export function hashFile(hash, fd, size) {
  const block = Buffer.allocUnsafe(Math.min(BLOCK_BYTES, Math.max(size, 1)));
  for (let at = 0; at < size;) {
    const got = fs.readSync(fd, block, 0, Math.min(block.length, size - at), at);
    if (got === 0) return false;
    hash.update(block.subarray(0, got));
    at += got;
  }
  return true;
}

export class Folder {
  constructor(folderPath) {
    this.path = fs.realpathSync(folderPath);
    if (!fs.statSync(this.path).isDirectory()) throw Object.assign(new Error("not a folder"), { code: "ENOTDIR" });
    this.files = [];
    this.byPath = new Map();
  }

  get bytes() {
    return this.files.reduce((sum, file) => sum + file.size, 0);
  }

  // Lists it again. A file whose size, time and inode are as before is not read again.
  scan() {
    const files = [];
    this.#listDirectory(files, "", 0);
    files.sort((a, b) => (a.path < b.path ? -1 : 1));
    this.files = files;
    this.byPath = new Map(files.map((file) => [file.path, file]));
    return files.map(({ path, size, hash }) => ({ path, size, hash }));
  }

  // `changed`: the file is not as it was listed, or the list is newer than `hash`, which it was asked for with. Bytes may be fewer,
  // or none, when it is shorter or gone.
  read(filePath, hash, offset, length) {
    let fd = -1;
    try {
      const known = this.byPath.get(filePath);
      this.#checkParents(filePath, false);
      fd = fs.openSync(this.#full(filePath), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
      const status = fs.fstatSync(fd);
      const bytes = Buffer.allocUnsafe(length);
      const got = length > 0 ? fs.readSync(fd, bytes, 0, length, offset) : 0;
      const changed = known?.size !== status.size || known.inode !== status.ino || known.modifiedMs !== status.mtimeMs ||
        known.hash !== hash.toLowerCase();
      return { changed, bytes: bytes.subarray(0, got) };
    } catch {
      return { changed: true, bytes: Buffer.alloc(0) };
    } finally {
      if (fd >= 0) fs.closeSync(fd);
    }
  }

  // Moves a file of the private folder to its place, in one step; missing folders are made.
  replace(filePath, from) {
    this.#checkParents(filePath, true);
    fs.renameSync(from, this.#full(filePath));
  }

  #full(filePath) {
    return path.join(this.path, filePath);
  }

  // Node has no openat(): every folder above is looked at instead.
  #checkParents(filePath, create) {
    const parts = filePath.split("/").slice(0, -1);
    for (let i = 1; i <= parts.length; i++) {
      const parent = this.#full(parts.slice(0, i).join("/"));
      if (create && !fs.existsSync(parent)) fs.mkdirSync(parent);
      if (!fs.lstatSync(parent).isDirectory()) throw Object.assign(new Error("not a folder"), { code: "ENOTDIR" });
    }
  }

  #listDirectory(files, below, depth) {
    for (const entry of fs.readdirSync(this.#full(below), { withFileTypes: true })) {
      const filePath = below + entry.name;
      if (!isPathValid(filePath)) continue;
      if (entry.isFile()) this.#listFile(files, filePath);
      else if (entry.isDirectory() && depth < DEPTH_MAX) this.#listDirectory(files, `${filePath}/`, depth + 1);
    }
  }

  // A file that vanished, shrinks or cannot be read is not there.
  #listFile(files, filePath) {
    let fd = -1;
    try {
      fd = fs.openSync(this.#full(filePath), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
      const { size, ino: inode, mtimeMs: modifiedMs } = fs.fstatSync(fd);
      const known = this.byPath.get(filePath);
      const same = known && known.size === size && known.inode === inode && known.modifiedMs === modifiedMs;
      const state = crypto.createHash("sha256");
      if (same || hashFile(state, fd, size))
        files.push({ path: filePath, size, inode, modifiedMs, hash: same ? known.hash : state.digest("hex") });
    } catch (error) {
      if (error.code === "ENOMEM" || error.code === "EMFILE") throw error;
    } finally {
      if (fd >= 0) fs.closeSync(fd);
    }
  }
}
