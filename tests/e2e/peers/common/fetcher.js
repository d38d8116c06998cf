// Brings a folder up to date with the one that another member shares. The same decisions as shared/sync/fetcher.c: the session's id
// begins with a hash of the folder and the other member, so that a later start finds the session that an earlier one left open;
// at each start what is there is reported, and exactly the RecoveryRequest that the client then makes is asked for.

import { Link } from "./link.js";
import { Receiving } from "./receiving.js";
import { SESSION_PREFIX } from "./transfer.js";

const ROUNDS_MAX = 5;
const CLOSE_WAIT_MS = 5000;
const PREFIX_DIGITS = 24;
const LABEL_BYTES_MAX = 200;

// `app`: {client, channels, disk, output, options, ownId, folderPath, digest, quit}. digest(text) promises SHA-256 in hex.
export class Fetcher {
  constructor(app) {
    this.app = app;
    this.sessionId = null;
    this.peerId = null; // who shares
    this.link = null;
    this.members = new Set(); // of the syncshell that will be used, ourselves not
    this.syncshellId = null; // that one
    this.ready = false; // all members and sessions were named
    this.askTicket = 0; // of our last wish for a RecoveryRequest
    this.requestId = null; // what came of it
    this.wantedId = null; // the one that the sharer was asked for over this link
    this.rounds = 0; // passes after which files were bad
    this.closing = false;
    this.failed = false;
    this.work = Promise.resolve(); // events are taken one after the other, though hashing an id takes a promise
    this.receiving = new Receiving(app, {
      reject: (cause) => this.link?.reject(cause),
      ack: (bytes) => this.link?.send({ type: "ack", bytes }),
      control: (fields) => this.#control(fields),
    });
  }

  event(event) {
    this.work = this.work.then(() => this.#take(event));
  }

  async #take(event) {
    if (this.closing && event.type !== "session_closed") return;
    if (!this.#isOurs(event.syncshellId)) return;
    if (event.type === "peer_presence") await this.#takePresence(event);
    else if (event.type === "syncshell_ready") {
      this.ready = true;
      await this.#choose();
    } else if (event.type === "session_opened" || event.type === "session_resumed") await this.#takeSession(event);
    else if (this.sessionId !== null && event.sessionId === this.sessionId) {
      if (event.type === "recovery_requested") this.#takeRequested(event);
      else if (event.type === "session_closed") this.#takeEnd(event);
      else this.link?.event(event);
    }
  }

  // The syncshell that is meant: the one named, or the first that the client rejoins.
  #isOurs(syncshellId) {
    const named = this.app.options.syncshell;
    if (!syncshellId || (named && named !== syncshellId)) return false;
    this.syncshellId ??= syncshellId;
    return this.syncshellId === syncshellId;
  }

  // ---- asking for what is missing ----

  // The old request, if any, is worth nothing any more.
  #ask() {
    this.requestId = this.wantedId = null;
    this.askTicket = this.app.client.requestRecovery(this.sessionId);
  }

  #want() {
    if (this.requestId === null || this.wantedId !== null || this.closing || !this.link.up) return;
    this.wantedId = this.requestId;
    this.link.send({ type: "want", request: this.requestId });
  }

  // The client makes requests of its own accord, too; one counts if it was made after our wish, for then it has our reports.
  #takeRequested({ ticket, requestId }) {
    if (ticket !== this.askTicket && !(ticket === 0 && this.requestId !== null)) return;
    this.requestId = requestId;
    this.#want();
  }

  // ---- from the link ----

  #control({ type, request }) {
    if (request !== this.wantedId || this.wantedId === null || this.closing) return;
    if (type === "done") this.#passDone();
    else if (type === "unknown") this.#ask();
  }

  #down() {
    this.receiving.interrupt(() => {
      if (!this.closing) this.#ask();
    });
  }

  // ---- the end ----

  #passDone() {
    this.receiving.report();
    if (this.receiving.badFiles === 0) {
      this.#closeSession("completed");
    } else if (++this.rounds < ROUNDS_MAX) {
      this.#ask();
    } else {
      this.app.output.failure(
        "Files keep arriving with other contents than announced: does the shared folder change all the time? Start again when it rests.");
      this.#closeSession("failed");
    }
  }

  #closeSession(outcome) {
    this.closing = true;
    this.failed = outcome !== "completed";
    this.app.client.close(this.sessionId, outcome);
    // The relay is away: the client tells it at the next start.
    setTimeout(() => this.#leave(), CLOSE_WAIT_MS);
  }

  #takeEnd({ outcome, cause }) {
    if (!this.closing) {
      this.app.output.failure(`The session has ended before the folder was complete: ${outcome} ${cause ?? ""}. Start again.`);
      this.failed = this.closing = true;
    }
    this.#leave();
  }

  #leave() {
    this.link?.close(); // that the other side lets go of it, too, is no news
    const { files, totalBytes } = this.receiving;
    if (!this.failed) this.app.output.event({ event: "complete", files, bytesReceived: totalBytes });
    this.app.quit(this.failed ? 1 : 0);
  }

  // ---- finding the session ----

  async #sessionPrefix(peerId) {
    const digest = await this.app.digest(`${this.app.folderPath}\n${peerId}`);
    return `${SESSION_PREFIX}${digest.slice(0, PREFIX_DIGITS)}-`;
  }

  #useSession(sessionId, peerId) {
    this.sessionId = this.receiving.sessionId = sessionId;
    this.peerId ??= peerId;
    this.link = new Link(this.app.client, this.app.channels, this.app.output, sessionId, {
      up: () => this.#want(),
      message: (fields) => this.receiving.message(fields),
      binary: (bytes) => this.receiving.binary(bytes),
      room: () => {},
      down: () => this.#down(),
    });
  }

  async #begin(how) {
    await this.receiving.reportFolder();
    this.app.output.event({ event: "session", sessionId: this.sessionId, peerId: this.peerId, how });
    this.#ask();
  }

  // Fresh at the end: a closed session's id is not free again for a while.
  async #openSession(peerId) {
    const fresh = Array.from({ length: 2 }, () => Math.trunc(Math.random() * 2 ** 32).toString(16).padStart(8, "0"));
    const label = this.app.folderPath.split("/").at(-1);
    this.#useSession((await this.#sessionPrefix(peerId)) + fresh.join(""), peerId);
    const fits = new TextEncoder().encode(label).length <= LABEL_BYTES_MAX;
    this.app.client.open(this.syncshellId, peerId, "joiner", this.sessionId, fits ? label : null);
  }

  // Once all members are known and no session was left by an earlier start: opens one with the member that is meant.
  async #choose() {
    const from = this.app.options.from;
    if (!this.ready || this.sessionId !== null) return;
    if (from ? this.members.has(from) : this.members.size === 1) {
      await this.#openSession(from ?? [...this.members][0]);
    } else if (!from && this.members.size > 1) {
      this.app.output.failure("The syncshell has several other members: say with --from whose folder to fetch.");
      this.app.quit(1);
    } else {
      this.app.output.event({ event: "waiting" });
    }
  }

  async #takePresence(event) {
    if (this.link && event.peerId === this.peerId) this.link.event(event);
    if (event.peerId === this.app.ownId) return;
    if (event.presence === "left") this.members.delete(event.peerId);
    else this.members.add(event.peerId);
    await this.#choose();
  }

  async #takeSession({ type, role, sessionId, peerId }) {
    const from = this.app.options.from;
    if (role !== "joiner") return;
    if (type === "session_opened") {
      if (sessionId === this.sessionId) await this.#begin("opened");
    } else if (this.sessionId === null && (!from || from === peerId) &&
               sessionId.startsWith(await this.#sessionPrefix(peerId))) {
      this.#useSession(sessionId, peerId);
      await this.#begin("resumed");
    }
  }
}
