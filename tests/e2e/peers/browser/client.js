// The part of a client that the transfer of common/ needs, with the commands and events of libsyncshell: membership, sessions, the
// inbox. Written from schema/ alone.

import { joinRequest } from "./membership.js";
import { Relay, decodeFrame } from "./relay.js";
import { Session } from "./session.js";

const SEEN_MAX = 1024;

export class Client {
  // `member`: {syncshell: {id, epoch, cursor, storeEpoch}, requests: {session id: the newest request, in parts}}; `save()` promises
  // that it is on the disk. `take(event)`.
  constructor({ relayUrl, identity, keys, member, save }, take) {
    Object.assign(this, { keys, member, save, take });
    this.ownId = identity.peerId;
    this.syncshellId = member.syncshell.id;
    this.tickets = 0;
    this.members = new Map(); // presence by peer id
    this.sessions = new Map(); // open ones by id
    this.seen = new Set(); // ids of signals: one that is handed over again is not taken again
    this.relay = new Relay(relayUrl, identity, {
      welcome: (hello) => this.#join(hello),
      frame: (header, body) => this.#frame(header, body),
      closed: (code) => this.#closed(code),
      stopped: (code, message) => this.emit("stopped", { code, message }),
    });
  }

  start() {
    this.relay.start();
  }

  stop() {
    for (const { attempts } of this.sessions.values()) attempts.stop();
    this.relay.stop();
  }

  emit(type, fields = {}) {
    this.take({ type, ticket: 0, ...fields });
  }

  isOnline(peerId) {
    return this.members.get(peerId) === "online";
  }

  // ---- commands; each returns its ticket ----

  open(syncshellId, peerId, role, sessionId, label) {
    const ticket = ++this.tickets;
    const [joinerPeerId, providerPeerId] = role === "joiner" ? [this.ownId, peerId] : [peerId, this.ownId];
    this.#sendOpen({ recoverySessionId: sessionId, joinerPeerId, providerPeerId }, peerId, label, ticket);
    return ticket;
  }

  setManifest(sessionId, files) {
    this.sessions.get(sessionId)?.setManifest(files);
    return ++this.tickets;
  }

  report(sessionId, files) {
    this.sessions.get(sessionId)?.report(files);
    return ++this.tickets;
  }

  offer(sessionId, ...offer) {
    this.sessions.get(sessionId)?.attempts.offer(...offer);
  }

  answer(sessionId, ...answer) {
    this.sessions.get(sessionId)?.attempts.answer(...answer);
  }

  candidate(sessionId, ...candidate) {
    this.sessions.get(sessionId)?.attempts.candidate(...candidate);
  }

  link(sessionId, ...state) {
    this.sessions.get(sessionId)?.attempts.link(...state);
  }

  requestRecovery(sessionId) {
    const ticket = ++this.tickets;
    this.sessions.get(sessionId)?.requestRecovery(ticket);
    return ticket;
  }

  close(sessionId, outcome) {
    const ticket = ++this.tickets;
    const header = { type: "SessionClose", syncshellId: this.syncshellId, recoverySessionId: sessionId, outcome };
    this.relay.request(header, null, {
      durable: true, answered: (answer) => this.#answered(answer, ticket, () => this.#ended(sessionId, { ticket, outcome })),
    });
    return ticket;
  }

  async #sendOpen(members, peerId, label, ticket) {
    const header = { type: "SessionOpen", syncshellId: this.syncshellId, ...members };
    const place = { ...header, source: this.ownId, target: peerId, sessionId: members.recoverySessionId, generation: 0, version: 1 };
    const body = label ? await this.keys.seal(place, { label }) : null;
    if (body) header.bodyFormat = "sealed";
    this.relay.request(header, body, {
      durable: true, answered: (answer) => this.#answered(answer, ticket, () => this.#use({ ...members, generation: 0 }, ticket)),
    });
  }

  #answered({ type, code, message, retryable }, ticket, done) {
    if (type !== "Error") done();
    else this.emit("request_failed", { ticket, code, message, retryable });
  }

  // ---- joining ----

  async #join({ relayId, nonce }) {
    this.emit("relay_connected");
    const request = await joinRequest(this.keys, this.member, this.ownId, relayId, nonce);
    this.relay.request(request, null, { first: true, answered: (header) => this.#joined(header) });
  }

  async #joined(header) {
    if (header.type !== "SyncshellJoined") {
      if (header.retryable) return this.relay.comeBack();
      this.relay.stop();
      return this.emit("stopped", { code: header.code, message: header.message });
    }
    const { syncshell } = this.member;
    if (!header.recovered || syncshell.storeEpoch !== header.storeEpoch) {
      Object.assign(syncshell, { cursor: 0, storeEpoch: header.storeEpoch });
      await this.save();
    }
    this.emit("syncshell_joined", { syncshellId: this.syncshellId, recovered: header.recovered });
    this.members.clear();
    for (const { peerId, presence } of header.members) this.#presence(peerId, presence);
    for (const summary of header.sessions) this.#summary(summary, "session_resumed");
    const there = new Set(header.sessions.map(({ recoverySessionId }) => recoverySessionId));
    for (const id of this.sessions.keys()) if (!there.has(id)) this.#ended(id, { outcome: "failed", cause: "unknown_session" });
    this.relay.open();
    this.emit("syncshell_ready", { syncshellId: this.syncshellId });
    for (const session of this.sessions.values()) {
      session.attempts.start();
      if (!header.recovered && session.joiner && session.files.size > 0) session.requestRecovery(0);
    }
  }

  async #closed(code) {
    for (const { attempts } of this.sessions.values()) attempts.pause();
    this.emit("relay_disconnected", { code });
  }

  // ---- what the relay tells ----

  #presence(peerId, presence) {
    if (presence === "left") this.members.delete(peerId);
    else this.members.set(peerId, presence);
    this.emit("peer_presence", { syncshellId: this.syncshellId, peerId, presence });
    for (const session of this.sessions.values()) if (session.peerId === peerId) session.attempts.presence(presence);
  }

  #summary(summary, type) {
    const { recoverySessionId: id, state, generation, outcome, cause } = summary;
    const session = this.sessions.get(id);
    if (state === "closed") this.#ended(id, { outcome, cause });
    else if (session) session.generation = Math.max(session.generation, generation);
    else this.#use(summary, 0, type);
  }

  #failedThere({ recoverySessionId: id, cause }, generation) {
    this.sessions.get(id)?.attempts.failedThere(generation, cause || "link_failed");
  }

  #use(summary, ticket, type = "session_opened") {
    if (this.sessions.has(summary.recoverySessionId)) return;
    const session = new Session(this, summary);
    this.sessions.set(session.id, session);
    session.emit(type, { ticket });
    for (const part of (this.member.requests[session.id] ?? []).filter(Boolean)) session.takeRequest(part);
    if (this.relay.ready) session.attempts.start();
  }

  #ended(id, fields) {
    const session = this.sessions.get(id);
    if (!session) return;
    session.attempts.stop();
    this.sessions.delete(id);
    session.emit("session_closed", fields);
    if (!this.member.requests[id]) return;
    delete this.member.requests[id];
    this.save();
  }

  async #frame(header, body) {
    const session = this.sessions.get(header.recoverySessionId);
    switch (header.type) {
      case "PeerPresence":
        return this.#presence(header.peerId, header.presence);
      case "SessionChanged":
        this.#summary(header.session, "session_opened");
        if (header.failedGeneration) this.#failedThere(header.session, header.failedGeneration);
        return;
      case "MembershipEnded":
        this.relay.stop();
        return this.emit("stopped", { code: header.code, message: "The membership has ended" });
      case "InboxDelivery":
        return this.#delivery(header, body);
      case "ReconnectOffer":
      case "ReconnectAnswer":
      case "IceCandidate":
        return session && this.#signal(session, header, body);
    }
  }

  async #signal(session, header, body) {
    if (this.seen.has(header.messageId)) return;
    this.seen.add(header.messageId);
    if (this.seen.size > SEEN_MAX) this.seen.delete(this.seen.values().next().value);
    const plaintext = await session.open(header, body);
    if (!plaintext) return;
    const { attempts } = session;
    if (header.type === "ReconnectOffer") attempts.takeOffer(header.generation, plaintext.offerSdp);
    else if (header.type === "ReconnectAnswer") attempts.takeAnswer(header.generation, plaintext.answerSdp);
    else attempts.takeCandidate(header.generation, plaintext);
  }

  async #delivery({ inboxSeq }, frame) {
    const { syncshell, requests } = this.member;
    if (inboxSeq > syncshell.cursor) {
      const { header, body } = decodeFrame(frame);
      const session = this.sessions.get(header.recoverySessionId);
      const plaintext = await session?.open(header, body);
      if (plaintext && header.type === "RecoveryResponse") session.takeResponse(plaintext);
      if (plaintext && header.type === "RecoveryRequest" && session.takeRequest(plaintext)) requests[session.id] = session.asked.parts;
      syncshell.cursor = inboxSeq;
      await this.save();
    }
    this.relay.request({ type: "AckInbox", syncshellId: this.syncshellId, inboxSeq }, null);
  }
}
