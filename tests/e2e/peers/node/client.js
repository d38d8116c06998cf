// A client of libsyncshell for an event loop that is not the library's: commands are plain calls, which return at once; events are
// pulled whenever the wake descriptor is readable. One call of poll() waits on a thread of Node's pool, without a time-out: no
// timer, no callback from the library's thread. A descriptor of our own ends that wait, since the client may only be freed when
// nothing uses it any more.

import fs from "node:fs";
import { promisify } from "node:util";

import * as library from "./library.js";

const POLLIN = 1;

export class Client {
  // `take(event)`: {type, ticket, and the event's fields by their names; lists of files by theirs}.
  constructor(path, options, take) {
    this.library = library.loadLibrary(path);
    this.system = library.loadSystem();
    this.take = take;
    const given = {};
    this.library.optionsInit(given, library.OPTIONS_SIZE());
    Object.assign(given, options);
    const handle = [null];
    this.#check(this.library.clientNew(given, handle), "The client cannot start");
    this.handle = handle[0];
    this.stopFd = this.system.eventfd(0, 0);
    this.listening = this.#listen();
  }

  get id() {
    const text = Buffer.alloc(64);
    this.#check(this.library.clientPeerId(this.handle, text, text.length), "There is no id");
    return text.toString("utf8", 0, text.indexOf(0));
  }

  // Reports of the last moment have gone to the library; it ends.
  async free() {
    this.stopping = true;
    this.system.eventfdWrite(this.stopFd, 1);
    await this.listening;
    fs.closeSync(this.stopFd);
    this.library.clientFree(this.handle);
    this.handle = null;
  }

  // ---- commands; each returns its ticket ----

  open(syncshellId, peerId, role, sessionId, label) {
    return this.#command("sessionOpen", syncshellId, peerId, library.ROLE[role], sessionId, label);
  }

  setManifest(sessionId, files) {
    return this.#command("sessionSetManifest", sessionId, encodeFiles(files.map((f) => ({ ...f, algorithm: "sha256" }))), files.length);
  }

  report(sessionId, files) {
    return this.#command("sessionReport", sessionId, encodeFiles(files), files.length);
  }

  offer(sessionId, generation, sdp) {
    return this.#command("sessionOffer", sessionId, generation, sdp, library.ZERO_TERMINATED);
  }

  answer(sessionId, generation, sdp) {
    return this.#command("sessionAnswer", sessionId, generation, sdp, library.ZERO_TERMINATED);
  }

  candidate(sessionId, generation, candidate, mid, index) {
    return this.#command("sessionCandidate", sessionId, generation, candidate, library.ZERO_TERMINATED, mid, index ?? -1);
  }

  link(sessionId, generation, state, cause) {
    const report = { size: library.LINK_REPORT_SIZE(), link: library.LINK[state], cause, ice_server: null };
    return this.#command("sessionLinkReport", sessionId, generation, report);
  }

  requestRecovery(sessionId) {
    return this.#command("sessionRequestRecovery", sessionId);
  }

  close(sessionId, outcome) {
    return this.#command("sessionClose", sessionId, library.OUTCOME[outcome]);
  }

  #command(name, ...given) {
    const ticket = [0];
    let error;
    // The queue has room as soon as the library's thread has worked: it needs nothing of us for that.
    do error = this.library[name](this.handle, ...given, ticket);
    while (error === library.E_BUSY);
    this.#check(error, `${name} is refused`);
    return ticket[0];
  }

  #check(error, what) {
    if (error !== library.OK) throw new Error(`${what} (${this.library.errorName(error)})`);
  }

  // ---- events ----

  async #listen() {
    const poll = promisify(this.system.poll.async);
    const wakeFd = this.library.wakeFd(this.handle);
    await null; // whoever made this client has it before its first event
    while (!this.stopping) {
      this.#drain();
      if (this.stopping) return;
      await poll([{ fd: wakeFd, events: POLLIN, revents: 0 }, { fd: this.stopFd, events: POLLIN, revents: 0 }], 2, -1);
    }
  }

  #drain() {
    const slot = [null];
    while (!this.stopping && this.library.nextEvent(this.handle, slot) === library.OK && slot[0]) {
      const event = this.#decode(slot[0]);
      this.library.eventFree(slot[0]);
      this.take(event);
    }
  }

  #decode(handle) {
    const event = {
      type: this.library.eventTypeName(this.library.eventType(handle)),
      ticket: this.library.eventTicket(handle),
    };
    for (const field of library.TEXT_FIELDS) {
      const text = this.library.eventText(handle, field, null);
      if (text !== null) event[this.library.fieldName(field)] = text;
    }
    const value = [0];
    for (const field of library.INTEGER_FIELDS)
      if (this.library.eventInteger(handle, field, value) === library.OK) event[this.library.fieldName(field)] = value[0];
    for (const [name, list] of Object.entries(library.FILE_LISTS)) {
      const count = this.library.eventFileCount(handle, list);
      event[name] = Array.from({ length: Number(count) }, (_, index) => this.#decodeFile(handle, list, index));
    }
    const servers = Number(this.library.eventIceServerCount(handle));
    event.iceServers = Array.from({ length: servers }, (_, index) => this.#decodeIceServer(handle, index));
    return event;
  }

  #decodeIceServer(handle, index) {
    const server = { size: library.ICE_SERVER_SIZE(), reserved: 0, url: null, username: null, credential: null };
    this.#check(this.library.eventIceServer(handle, index, server), "There is no such server");
    const { url, username, credential } = server;
    return { url, ...(username === null ? {} : { username, credential }) };
  }

  #decodeFile(handle, list, index) {
    const file = emptyFile();
    this.#check(this.library.eventFile(handle, list, index, file), "There is no such file");
    const { path, hash, algorithm, size_bytes: size, ranges, n_ranges: count } = file;
    return { path, hash, algorithm, size, ranges: library.decodeRanges(ranges, count).map(({ begin, end }) => [begin, end]) };
  }
}

function emptyFile() {
  return {
    size: library.FILE_SIZE(), flags: 0, path: null, hash: null, algorithm: null, size_bytes: 0, ranges: null, n_ranges: 0,
  };
}

function encodeFiles(files) {
  return files.map(({ path, size, hash, algorithm, done, ranges = [] }) => ({
    ...emptyFile(),
    flags: done ? library.FILE_DONE : 0,
    path,
    hash: hash ?? null,
    algorithm: hash ? algorithm : null,
    size_bytes: size,
    ranges: ranges.length > 0 ? ranges.map(([begin, end]) => ({ begin, end })) : null,
    n_ranges: ranges.length,
  }));
}
