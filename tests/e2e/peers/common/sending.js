// One pass through what a RecoveryRequest lacks: reads the files and sends them over the link, as far as the link and the other
// side's window have room.

import { PIECE_BYTES, WINDOW_BYTES, writePiece } from "./transfer.js";

const READ_BYTES = 16 * PIECE_BYTES;

export class Sending {
  // `finished(needed)` is called at the end of a pass.
  constructor(disk, link, finished) {
    Object.assign(this, { disk, link, finished });
    this.reset();
  }

  // The link is gone, or new.
  reset() {
    this.needed = null;
    this.sentBytes = 0;
    this.ackedBytes = 0;
  }

  // `needed`: {requestId, files: [{path, hash, size, ranges: [[begin, end], ...]}], bytes}.
  begin(needed) {
    this.needed = needed;
    this.changed = false;
    this.passBytes = 0;
    this.block = null;
    this.resume = null;
    this.link.send({ type: "begin", request: needed.requestId, files: needed.files.length, bytes: needed.bytes });
    this.#run(needed);
  }

  // False: the other side claims more than was sent.
  ack(bytes) {
    if (!Number.isSafeInteger(bytes) || bytes < this.ackedBytes || bytes > this.sentBytes) return false;
    this.ackedBytes = bytes;
    this.room();
    return true;
  }

  // There may be room again.
  room() {
    this.resume?.();
    this.resume = null;
  }

  async #run(needed) {
    for (let index = 0; index < needed.files.length; index++) {
      const file = needed.files[index];
      // An empty file has no ranges; whether it is as listed is asked nevertheless.
      const ranges = file.ranges.length > 0 ? file.ranges : [[0, 0]];
      this.link.send({ type: "file", index, path: file.path, size: file.size, hash: file.hash });
      for (const [begin, end] of ranges) if (!(await this.#sendRange(needed, index, begin, end))) return;
      this.link.send({ type: "end", index });
    }
    this.needed = null;
    this.finished(needed);
  }

  // False: this pass is not the current one any more.
  async #sendRange(needed, index, begin, end) {
    let offset = begin;
    do {
      const { path, hash } = needed.files[index];
      const block = await this.disk.read(path, hash, offset, Math.min(READ_BYTES, end - offset));
      if (this.needed !== needed) return false;
      this.changed ||= block.changed;
      if (block.bytes.length === 0 && offset < end) {
        this.changed = true; // the other side finds that bytes are missing and asks again
        return true;
      }
      for (let at = 0; at < block.bytes.length; at += PIECE_BYTES) {
        const piece = block.bytes.subarray(at, at + PIECE_BYTES);
        if (!(await this.#sendPiece(needed, index, offset + at, piece))) return false;
      }
      offset += block.bytes.length;
    } while (offset < end);
    return true;
  }

  async #sendPiece(needed, index, offset, bytes) {
    const message = writePiece(index, offset, bytes);
    while (this.sentBytes - this.ackedBytes + bytes.length > WINDOW_BYTES || !this.link.sendBinary(message)) {
      await new Promise((resolve) => (this.resume = resolve));
      if (this.needed !== needed) return false;
    }
    this.sentBytes += bytes.length;
    this.passBytes += bytes.length;
    return true;
  }
}
