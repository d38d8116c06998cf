// One recovery session of this member: its signals, sealed, and what both sides tell each other of their files.

import { Attempts } from "./attempts.js";
import { computeNeeded, makeRequest, makeResponse } from "./delta.js";
import { randomId } from "./keys.js";

const ICE_SERVERS_MS = 2000;

export class Session {
  // `summary` as in SyncshellJoined. `client`: {ownId, syncshellId, relay, keys, isOnline(peerId), emit(type, fields)}.
  constructor(client, summary) {
    Object.assign(this, { client, id: summary.recoverySessionId, generation: summary.generation });
    this.joinerId = summary.joinerPeerId;
    this.providerId = summary.providerPeerId;
    this.joiner = this.joinerId === client.ownId;
    this.peerId = this.joiner ? this.providerId : this.joinerId;
    this.files = new Map(); // joiner: what was reported
    this.manifest = null; // provider
    this.asked = null; // provider: the joiner's newest request, {requestId, parts}
    this.outgoing = Promise.resolve(); // sealing takes a promise, and signals must keep their order
    this.attempts = new Attempts(this, {
      emit: (type, fields) => this.emit(type, fields),
      signal: (...signal) => this.#signal(...signal),
      servers: (attempt) => this.#iceServers(attempt),
      report: (fields) => client.relay.request(this.#header("ConnectionReport", fields), null),
    });
  }

  otherOnline() {
    return this.client.isOnline(this.peerId);
  }

  emit(type, fields = {}) {
    this.client.emit(type, {
      syncshellId: this.client.syncshellId, sessionId: this.id, peerId: this.peerId, role: this.joiner ? "joiner" : "provider",
      generation: this.generation, ...fields,
    });
  }

  // None when the relay has none, or does not say: then without.
  #iceServers(attempt) {
    return new Promise((resolve) => {
      setTimeout(() => resolve([]), ICE_SERVERS_MS);
      this.client.relay.request(this.#header("IceServersRequest", { attempt }), null, {
        answered: ({ servers = [] }) => resolve(servers),
      });
    });
  }

  // ---- both sides' files ----

  report(files) {
    for (const file of files) this.files.set(file.path, file);
  }

  // The joiner asks for what it lacks; `ticket` comes back with the request's id when the relay has it.
  async requestRecovery(ticket) {
    const requestId = randomId();
    const bodies = makeRequest(requestId, this.files.values());
    const stored = bodies.map((plaintext) => this.#durable("RecoveryRequest", plaintext));
    if ((await Promise.all(stored)).every((header) => header.type === "Stored"))
      this.emit("recovery_requested", { ticket, requestId });
  }

  setManifest(files) {
    this.manifest = files.map((file) => ({ ...file, algorithm: "sha256" }));
    this.emit("manifest_saved");
    this.#tryRespond();
  }

  // A part of the joiner's request. True: it belongs to the newest, and should be kept.
  takeRequest(plaintext) {
    const { requestId, part, parts } = plaintext;
    if (this.joiner || !Number.isSafeInteger(part) || part > parts) return false;
    if (this.asked?.requestId !== requestId) this.asked = { requestId, parts: [] };
    this.asked.parts[part - 1] = plaintext;
    this.#tryRespond();
    return true;
  }

  #tryRespond() {
    const { requestId, parts } = this.asked ?? { parts: [] };
    if (!this.manifest || parts.length === 0 || parts.length !== parts.filter(Boolean).length || parts.length < parts[0].parts) return;
    const result = computeNeeded(this.manifest, parts);
    this.#durable("RecoveryResponse", makeResponse(requestId, result));
    this.emit("recovery_request", { requestId, ...result });
  }

  takeResponse({ requestId, filesToSend, bytesToSend }) {
    this.emit("recovery_response", { requestId, filesToSend, bytes: bytesToSend });
  }

  // ---- messages ----

  #header(type, fields) {
    return { type, syncshellId: this.client.syncshellId, recoverySessionId: this.id, ...fields };
  }

  #routed(type, generation) {
    const members = { sourcePeerId: this.client.ownId, targetPeerId: this.peerId };
    return this.#header(type, { messageId: randomId(), ...members, generation, bodyFormat: "sealed" });
  }

  #place(type, generation, source, target) {
    return { type, syncshellId: this.client.syncshellId, source, target, sessionId: this.id, generation, version: 0 };
  }

  // The plaintext of a message from the other side; null when it is not from there.
  async open({ type, generation, sourcePeerId, targetPeerId, bodyFormat }, body) {
    if (sourcePeerId !== this.peerId || targetPeerId !== this.client.ownId || bodyFormat !== "sealed") return null;
    return this.client.keys.open(this.#place(type, generation, sourcePeerId, targetPeerId), body);
  }

  async #seal(type, generation, plaintext) {
    return this.client.keys.seal(this.#place(type, generation, this.client.ownId, this.peerId), plaintext);
  }

  #signal(type, generation, plaintext) {
    this.outgoing = this.outgoing.then(async () => {
      this.client.relay.request(this.#routed(type, generation), await this.#seal(type, generation, plaintext), {
        answered: ({ type: answer, code, generation: known }) => {
          if (answer !== "Held") this.attempts.refused(generation, code, known);
        },
      });
    });
  }

  // Promises the answer's header.
  async #durable(type, plaintext) {
    const generation = Math.max(this.generation, 1);
    const body = await this.#seal(type, generation, plaintext);
    return new Promise((answered) => this.client.relay.request(this.#routed(type, generation), body, { durable: true, answered }));
  }
}
