// The member of a state directory, in one file that is replaced as a whole: a kill leaves the old one or the new one.

import fs from "node:fs";
import path from "node:path";

export class State {
  constructor(directory) {
    this.directory = directory;
    this.path = path.join(directory, "member.json");
    fs.mkdirSync(directory, { recursive: true, mode: 0o700 });
  }

  // Null: there is none yet.
  load() {
    try {
      return JSON.parse(fs.readFileSync(this.path, "utf8"));
    } catch (error) {
      if (error.code === "ENOENT") return null;
      throw error;
    }
  }

  save(member) {
    const fresh = `${this.path}.new`;
    const fd = fs.openSync(fresh, "w", 0o600);
    try {
      fs.writeFileSync(fd, JSON.stringify(member));
      fs.fsyncSync(fd);
    } finally {
      fs.closeSync(fd);
    }
    fs.renameSync(fresh, this.path);
    this.#sync();
  }

  #sync() {
    const fd = fs.openSync(this.directory, "r");
    fs.fsyncSync(fd);
    fs.closeSync(fd);
  }
}
