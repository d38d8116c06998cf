// The folder as the transfer protocol uses it (common/receiving.js, common/sending.js).

import { Folder, isPathValid } from "./folder.js";
import { Part, listParts } from "./part.js";

export class Disk {
  constructor(path) {
    this.folder = new Folder(path);
    this.part = null; // the one that is being received
  }

  // Parts that are complete become files, or vanish; must come before the folder is scanned.
  settle() {
    for (const { path, size, hash, have } of listParts(this.folder)) {
      if (have < size) continue;
      const part = new Part(this.folder, path, size, hash);
      try {
        part.finish();
      } finally {
        part.close();
      }
    }
  }

  scan() {
    return this.folder.scan();
  }

  // What the last scan found, and the parts.
  list() {
    const files = this.folder.files.map(({ path, size, hash }) => ({ path, size, hash }));
    return { files, parts: listParts(this.folder) };
  }

  read(path, hash, offset, length) {
    return this.folder.read(path, hash, offset, length);
  }

  // Carries out orders in their order; for each what came of it: {have} or {cause, have}, {invalid}, {error}.
  receive(orders) {
    return orders.map((order) => {
      try {
        return this.#carryOut(order);
      } catch (error) {
        return { error: error.code ?? String(error) };
      }
    });
  }

  #carryOut(order) {
    switch (order.op) {
      case "open":
        this.#close();
        if (!isPathValid(order.path)) return { invalid: true };
        this.part = new Part(this.folder, order.path, order.size, order.hash);
        return { have: this.part.have };
      case "write":
        this.part?.write(order.offset, order.bytes);
        return { have: this.part?.have ?? 0 };
      case "finish": {
        const cause = this.part ? this.part.finish() : "bytes_missing";
        const have = this.part?.have ?? 0;
        this.#close();
        return { cause, have };
      }
      case "close":
        this.#close();
    }
    return {};
  }

  #close() {
    this.part?.close();
    this.part = null;
  }
}
