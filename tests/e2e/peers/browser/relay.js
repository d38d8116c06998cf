// The connection to the relay: frames, who we are, requests and their answers, and coming back after a break.

import { concat, randomId, utf8 } from "./keys.js";

const SUBPROTOCOL = "syncshell.v1";
const PROTOCOL_VERSION = 1;
const LINE_FEED = 0x0a;
const BACK_MIN_MS = 200;
const BACK_MAX_MS = 10000;
const ANSWER_MS = 15000;
const RETRY_MS = 1000;
const UNANSWERED_MAX = 256; // a signal that arrived has no answer

export function encodeFrame(header, body) {
  return body ? concat(utf8(JSON.stringify(header)), [LINE_FEED], body) : JSON.stringify(header);
}

// {header, body}; `frame` is a text or bytes.
export function decodeFrame(frame) {
  if (typeof frame === "string") return { header: JSON.parse(frame), body: null };
  const end = frame.indexOf(LINE_FEED);
  const header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(frame.subarray(0, end)));
  return { header, body: frame.subarray(end + 1) };
}

export class Relay {
  // `handler`: welcome(hello) when authenticated, frame(header, body) for what answers no request, closed(code), stopped(code, message).
  // Promises that they return are waited for before the next frame is looked at.
  constructor(url, identity, handler) {
    Object.assign(this, { url, identity, handler });
    this.pending = new Map(); // requests without an answer, by messageId, in the order of sending: {header, body, durable, answered}
    this.delayMs = BACK_MIN_MS;
    this.ready = false; // authenticated, and what must come first has been sent
    this.stopping = false;
  }

  start() {
    let work = Promise.resolve();
    const socket = (this.socket = new WebSocket(this.url, SUBPROTOCOL));
    const inTurn = (act) => (work = work.then(() => this.socket === socket && act()));
    this.hello = null;
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => {
      this.heardMs = performance.now();
      inTurn(() => this.#take(typeof data === "string" ? data : new Uint8Array(data)));
    };
    socket.onclose = ({ code, reason }) => inTurn(() => this.#closed(code, reason));
  }

  stop() {
    this.stopping = true;
    clearInterval(this.timer);
    clearTimeout(this.backTimer);
    this.socket?.close();
  }

  // Ends this connection, if it has not ended, and makes another after the pause that follows a break.
  comeBack() {
    this.socket.close();
  }

  // A request; `answered(header, body)` hears its answer. Durable ones are kept, and sent again on the next connection, until then.
  request(header, body, { durable = false, first = false, answered = () => {} } = {}) {
    const messageId = header.messageId ?? randomId();
    const request = { header: { ...header, messageId }, body, durable, answered };
    this.pending.set(messageId, request);
    if (this.pending.size > UNANSWERED_MAX) this.#forgetOldest();
    if (this.ready || first) this.#send(request);
    else if (!durable) this.#drop(messageId);
    return messageId;
  }

  #forgetOldest() {
    for (const [messageId, { durable }] of this.pending) if (!durable) return this.pending.delete(messageId);
  }

  // From now on everything may be sent: what an earlier connection owed is.
  open() {
    this.ready = true;
    for (const request of this.pending.values()) if (request.durable) this.#send(request);
  }

  #send({ header, body }) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(encodeFrame(header, body));
  }

  #drop(messageId) {
    this.pending.get(messageId).answered({ type: "Error", code: "relay_away", retryable: true });
    this.pending.delete(messageId);
  }

  async #take(frame) {
    const { header, body } = decodeFrame(frame);
    if (!this.hello) return this.#authenticate(header);
    if (header.type === "GoAway") this.delayMs = Math.max(header.reconnectAfterMs, BACK_MIN_MS);
    const request = this.pending.get(header.inReplyTo);
    if (!request) return this.handler.frame(header, body);
    if (header.type === "Error" && header.retryable && request.durable) {
      setTimeout(() => this.ready && this.pending.has(header.inReplyTo) && this.#send(request), header.retryAfterMs ?? RETRY_MS);
      return;
    }
    // A held message may hear of its end later.
    if (header.type !== "Held") this.pending.delete(header.inReplyTo);
    await request.answered(header, body);
  }

  async #authenticate(hello) {
    const { peerId } = this.identity;
    if (hello.type !== "Hello" || hello.protocolVersion !== PROTOCOL_VERSION)
      return this.#stopped("unsupported_version", "The relay speaks another version of the protocol");
    this.hello = hello;
    const { origin } = new URL(this.url);
    const signature = await this.identity.sign(
      ["syncshell.v1 authenticate", origin, hello.relayId, hello.nonce, peerId].join("\n"));
    this.request({ type: "Authenticate", protocolVersion: PROTOCOL_VERSION, peerId, origin, signature }, null, {
      first: true,
      answered: (header) => this.#welcome(header),
    });
  }

  async #welcome(header) {
    if (header.type !== "Welcome") return header.retryable ? this.comeBack() : this.#stopped(header.code, header.message);
    this.delayMs = BACK_MIN_MS;
    this.timer = setInterval(() => this.#watch(), this.hello.heartbeatMs);
    await this.handler.welcome(this.hello);
  }

  // A browser does not show the relay's pings: a request that every relay answers takes their place.
  #watch() {
    const silentMs = performance.now() - this.heardMs;
    if (silentMs > this.hello.heartbeatMs + ANSWER_MS) this.socket.close();
    else if (silentMs >= this.hello.heartbeatMs) this.request({ type: "StillThere" }, null);
  }

  async #closed(code, reason) {
    clearInterval(this.timer);
    this.ready = false;
    for (const [messageId, { durable }] of this.pending) if (!durable) this.#drop(messageId);
    if (this.stopping) return;
    if (code >= 4400 && code < 4500) return this.#stopped(reason, "The relay refuses this peer");
    await this.handler.closed(reason);
    this.backTimer = setTimeout(() => this.start(), this.delayMs * (0.5 + Math.random() / 2));
    this.delayMs = Math.min(this.delayMs * 2, BACK_MAX_MS);
  }

  #stopped(code, message) {
    this.stop();
    this.handler.stopped(code, message);
  }
}
