// Gives a folder's files to whoever opens a session for them: sets the manifest, and sends over the link exactly what the client says
// the other side lacks. The same decisions as shared/sync/sharer.c.

import { Link } from "./link.js";
import { Sending } from "./sending.js";
import { SESSION_PREFIX } from "./transfer.js";

const REQUESTS_MAX = 4;
const UNKNOWN_AFTER_MS = 2000;

// `app`: {client, channels, disk, output}.
export class Sharer {
  constructor(app) {
    this.app = app;
    this.shares = new Map(); // by session id
  }

  event(event) {
    if (event.type === "peer_presence") {
      for (const share of this.shares.values()) if (share.peerId === event.peerId) share.link.event(event);
      return;
    }
    if (event.type === "session_opened" || event.type === "session_resumed") this.#takeSession(event);
    const share = this.shares.get(event.sessionId);
    if (!share) return;
    if (event.type === "recovery_request") share.takeRequest(event);
    else if (event.type === "manifest_saved") share.takeSaved();
    else if (event.type === "session_closed") this.#takeEnd(share, event);
    else share.link.event(event);
  }

  #takeSession(event) {
    const { role, sessionId, peerId } = event;
    if (role !== "provider" || !sessionId.startsWith(SESSION_PREFIX) || this.shares.has(sessionId)) return;
    const share = new Share(this.app, sessionId, peerId);
    this.shares.set(sessionId, share);
    this.app.output.event({ event: "session", sessionId, peerId });
    share.rescan();
  }

  #takeEnd(share, event) {
    const { sessionId, peerId } = share;
    this.app.output.event({ event: "session_closed", sessionId, peerId, outcome: event.outcome });
    share.close();
    this.shares.delete(sessionId);
  }
}

// One session: one member that fetches.
class Share {
  constructor(app, sessionId, peerId) {
    Object.assign(this, { app, sessionId, peerId });
    this.requests = []; // the newest last
    this.list = null; // the folder as the client has it, or gets it
    this.manifestsPending = 0; // until the last one is saved, requests are about an older list
    this.staleId = null; // the newest request that was about an older list
    this.wantId = null; // what the other side asked for and does not get yet
    this.link = new Link(app.client, app.channels, app.output, sessionId, {
      up: () => this.#up(),
      down: () => this.#reset(),
      message: (fields) => this.#message(fields),
      binary: () => this.link.reject("bad_message"),
      room: () => this.sending.room(),
    });
    this.sending = new Sending(app.disk, this.link, (needed) => this.#finishPass(needed));
  }

  close() {
    this.#reset();
    this.link.close();
  }

  async rescan() {
    this.#setManifest(await this.app.disk.scan());
  }

  takeSaved() {
    this.manifestsPending--;
  }

  takeRequest(event) {
    if (this.manifestsPending > 0) this.staleId = event.requestId;
    else {
      if (this.staleId === event.requestId) this.staleId = null; // compared again, with the new list
      this.requests.push(neededOf(event));
    }
    if (this.requests.length > REQUESTS_MAX) {
      const oldest = this.requests.shift();
      if (this.sending.needed === oldest) this.link.reject("too_many_requests");
    }
    this.#tryBegin();
  }

  #setManifest(files) {
    this.list = JSON.stringify(files);
    this.manifestsPending++;
    this.app.client.setManifest(this.sessionId, files);
  }

  async #up() {
    this.#reset();
    await this.#refresh();
    this.#tryBegin();
  }

  // The other side may have been away for long: what it gets is the folder of now.
  async #refresh() {
    this.refreshing = true;
    try {
      const files = await this.app.disk.scan();
      if (JSON.stringify(files) === this.list) return;
      this.staleId = this.requests.at(-1)?.requestId ?? this.staleId;
      this.requests = [];
      this.#setManifest(files);
    } finally {
      this.refreshing = false;
    }
  }

  #reset() {
    this.sending.reset();
    this.#want(null);
  }

  #want(requestId) {
    clearTimeout(this.timer);
    this.wantId = requestId;
    if (requestId === null) return;
    this.timer = setTimeout(() => this.#rejectWant(), UNKNOWN_AFTER_MS);
  }

  #rejectWant() {
    this.link.send({ type: "unknown", request: this.wantId });
    this.#want(null);
  }

  // Begins to send when both what is wanted and the list for it are there. What was about an older list is asked for again.
  #tryBegin() {
    if (this.refreshing || this.wantId === null) return;
    if (this.wantId === this.staleId) {
      this.#rejectWant();
      return;
    }
    const needed = this.requests.find((request) => request.requestId === this.wantId);
    if (!needed) return;
    this.#want(null);
    const { files, bytes } = needed;
    this.app.output.event({ event: "sending", peerId: this.peerId, files: files.length, bytes });
    this.sending.begin(needed);
  }

  #message(fields) {
    if (fields.type === "want" && typeof fields.request === "string") {
      this.#want(fields.request);
      this.#tryBegin();
    } else if (fields.type === "ack") {
      if (!this.sending.ack(fields.bytes)) this.link.reject("bad_ack");
      const { needed, passBytes } = this.sending;
      if (needed) this.app.output.progress(passBytes, needed.bytes);
    }
  }

  async #finishPass(needed) {
    const { passBytes, changed } = this.sending;
    const generation = this.link.generation;
    if (changed) await this.rescan(); // before the other side asks again
    if (!this.link.up || this.link.generation !== generation) return;
    this.link.send({ type: "done", request: needed.requestId });
    this.app.output.event({ event: "sent", peerId: this.peerId, bytes: passBytes, changed });
  }
}

// From an event recovery_request: the list to work through.
function neededOf(event) {
  const files = event.needed.map(({ path, hash, size, ranges }) => ({
    path, size, hash: hash ?? "", ranges: ranges.length > 0 || size === 0 ? ranges : [[0, size]],
  }));
  const bytes = files.flatMap((file) => file.ranges).reduce((sum, [begin, end]) => sum + end - begin, 0);
  return { requestId: event.requestId, files, bytes };
}
