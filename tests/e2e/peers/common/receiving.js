// What comes over one link: puts pieces into parts on the disk, finishes files, reports both to the client in groups. Messages are
// taken in their order, as many at once as have come while the disk was busy. Counts for the whole life of the program.

import { ACK_BYTES, readPiece } from "./transfer.js";

const REPORT_FILES = 256;
const REPORT_MS = 250;
const REPORT_BYTES = 1024 * 1024;

export class Receiving {
  // `app`: {client, disk, output, quit}. `handler`: reject(cause), ack(bytes), control(fields) for what is not the files' affair.
  constructor(app, handler) {
    Object.assign(this, { app, handler });
    this.sessionId = null; // nothing can be reported yet
    this.part = null; // of the current file: {index, path, size, hash, have, reported}
    this.reportedMs = performance.now();
    this.done = []; // finished, not reported
    this.passBytes = 0; // taken in this pass, and how many there are to be
    this.passTotalBytes = 0;
    this.linkBytes = 0; // taken over this link
    this.ackedBytes = 0;
    this.totalBytes = 0; // taken by this program
    this.files = 0; // finished by this program
    this.badFiles = 0; // of this pass: not what they should be
    this.waiting = [];
    this.busy = false;
  }

  // What is in the folder, whole and in parts, to the client.
  async reportFolder() {
    const { files, parts } = await this.app.disk.list();
    this.#reportFiles(files);
    // Parts are of newer versions than what stands in their places.
    for (const part of parts) this.#report([partEntry(part)]);
  }

  message(fields) {
    this.#take(() => this.#control(fields));
  }

  binary(bytes) {
    this.#take(() => this.#piece(bytes));
  }

  // The link is gone: what has come is taken, the current file stays as a part; then `next` is called.
  interrupt(next) {
    this.#take(() => {
      const part = this.part;
      this.part = null;
      return [{ op: "close" }, () => {
        this.report(part);
        this.linkBytes = this.ackedBytes = 0;
        next();
      }];
    });
  }

  // Reports what has come since the last report.
  report(part = this.part) {
    this.reportedMs = performance.now();
    this.#reportFiles(this.done);
    this.done = [];
    if (part && part.have > part.reported) {
      this.#report([partEntry(part)]);
      part.reported = part.have;
    }
  }

  #reportFiles(files) {
    for (let at = 0; at < files.length; at += REPORT_FILES)
      this.#report(files.slice(at, at + REPORT_FILES).map((file) => ({ ...file, algorithm: "sha256", done: true, ranges: [] })));
  }

  #report(files) {
    if (this.sessionId !== null) this.app.client.report(this.sessionId, files);
  }

  // ---- the queue: a message becomes an order to the disk and what to do with its result, or nothing ----

  async #take(message) {
    this.waiting.push(message);
    if (this.busy) return;
    this.busy = true;
    while (this.waiting.length > 0) await this.#step(this.waiting.splice(0));
    this.busy = false;
  }

  async #step(messages) {
    const steps = messages.map((message) => message()).filter(Boolean);
    const results = await this.app.disk.receive(steps.map(([order]) => order));
    steps.forEach(([, use], i) => use?.(results[i]));
    const nowMs = performance.now();
    const partBytes = this.part ? this.part.have - this.part.reported : 0;
    if (nowMs - this.reportedMs >= REPORT_MS && (this.done.length > 0 || partBytes >= REPORT_BYTES)) this.report();
    if (this.linkBytes - this.ackedBytes < ACK_BYTES) return;
    this.ackedBytes = this.linkBytes;
    this.handler.ack(this.ackedBytes);
  }

  #bad() {
    this.handler.reject("bad_message");
    return null;
  }

  #control(fields) {
    switch (fields.type) {
      case "begin":
        return this.#begin(fields);
      case "file":
        return this.#file(fields);
      case "end":
        return this.#end(fields);
      default:
        // Only after everything that came before.
        return [{ op: "none" }, () => this.handler.control(fields)];
    }
  }

  #begin({ files, bytes }) {
    if (!isSize(files) || !isSize(bytes)) return this.#bad();
    this.passBytes = 0;
    this.passTotalBytes = bytes;
    this.badFiles = 0;
    this.app.output.event({ event: "receiving", files, bytes });
    return null;
  }

  #file({ index, path, size, hash }) {
    if (this.part || !isSize(index) || !isSize(size) || typeof path !== "string" || !/^[0-9a-f]{64}$/i.test(hash ?? ""))
      return this.#bad();
    const part = (this.part = { index, path, size, hash, have: 0, reported: 0 });
    return [{ op: "open", path, size, hash }, (result) => {
      if (result.invalid) this.#bad();
      else if (!this.#failed(part, result)) part.have = part.reported = result.have;
    }];
  }

  #piece(message) {
    const piece = readPiece(message);
    const part = this.part;
    if (!piece || !part || piece.index !== part.index) return this.#bad();
    // What does not fit in is missed at the file's end.
    return [{ op: "write", offset: piece.offset, bytes: piece.bytes }, (result) => {
      if (this.#failed(part, result)) return;
      part.have = result.have;
      this.linkBytes += piece.bytes.length;
      this.passBytes += piece.bytes.length;
      this.totalBytes += piece.bytes.length;
      this.app.output.progress(this.passBytes, this.passTotalBytes);
    }];
  }

  #end({ index }) {
    const part = this.part;
    if (!part || index !== part.index) return this.#bad();
    this.part = null;
    return [{ op: "finish" }, (result) => {
      if (this.#failed(part, result)) return;
      if (result.cause) this.#fileBad(part, result);
      else this.#fileFinished(part);
    }];
  }

  #fileFinished({ path, size, hash }) {
    this.done.push({ path, size, hash });
    this.files++;
    this.app.output.event({ event: "file", path, bytes: size });
  }

  // It comes again, from where it is good: from the start, or from the end of what has come.
  #fileBad(part, { cause, have }) {
    const { path, size } = part;
    this.badFiles++;
    this.app.output.event({ event: "file_failed", path, cause });
    this.#report([{ path, size, ranges: [] }]);
    if (have > 0) this.#report([partEntry({ ...part, have })]);
  }

  #failed({ path }, { error }) {
    if (!error) return false;
    this.app.output.failure(`${path} cannot be written (${error}): make room or check the rights, then start again.`);
    this.app.quit(1);
    return true;
  }
}

function partEntry({ path, size, hash, have }) {
  return { path, size, hash, algorithm: "sha256", ranges: have > 0 ? [[0, have]] : [] };
}

function isSize(value) {
  return Number.isSafeInteger(value) && value >= 0;
}
