// The link of one session, as shared/sync/link.h: makes a channel for each attempt that the client asks for or that the other side
// offers, tells the client what became of it, and watches that the other side is still there. Both sides send a ping when they sent
// nothing for PING_MS; who hears nothing for SILENCE_MS holds the link for lost. When the relay says that the other side went
// away, an answer must come within SUSPICION_MS.
//
// `client` takes commands (offer, answer, candidate, link), `channels.create(offer, iceServers, handler)` makes a WebRTC data channel, `handler`
// has up(), message(fields), binary(bytes), room(), down().

const PING_MS = 1500;
const SILENCE_MS = 4500;
const SUSPICION_MS = 1000;
const TICK_MS = 250;
const COMMON_CAUSES = ["turn_refused", "turn_unreachable", "dtls_failed"]; // the relay has a sentence for them, too
const STALL_MS = 750; // longer between two ticks: this program did not look, which proves nothing about the other side

export class Link {
  constructor(client, channels, output, sessionId, handler) {
    Object.assign(this, { client, channels, output, sessionId, handler });
    this.channel = null;
    this.generation = 0;
    this.offering = false;
    this.up = false;
  }

  close() {
    this.#dropChannel(false);
  }

  send(fields) {
    if (!this.up) return;
    this.channel.sendText(JSON.stringify(fields));
    this.sentMs = performance.now();
  }

  // False: no room, or no link.
  sendBinary(bytes) {
    if (!this.up || !this.channel.sendBinary(bytes)) return false;
    this.sentMs = performance.now();
    return true;
  }

  // The other side breaks the rules: the link is given up and made anew.
  reject(cause) {
    if (this.channel) this.#giveUp(cause);
  }

  // An event of this session, or of the presence of its other side.
  event(event) {
    switch (event.type) {
      case "peer_presence":
        if (event.presence !== "online") this.#suspect();
        break;
      case "offer_needed":
        this.#begin(event, null);
        break;
      case "offer":
        this.#begin(event, event.sdp);
        break;
      case "answer":
        if (this.#isCurrent(event) && this.offering) this.channel.takeAnswer(event.sdp);
        break;
      case "candidate":
        if (this.#isCurrent(event)) this.channel.takeCandidate(event.sdp, event.sdpMid, event.sdpMLineIndex);
        break;
      case "attempt_failed":
        this.#takeFailure(event);
        break;
    }
  }

  #isCurrent(event) {
    return this.channel && event.generation === this.generation;
  }

  #dropChannel(tell) {
    clearInterval(this.timer);
    this.channel?.close();
    this.channel = null;
    const wasUp = this.up;
    this.up = false;
    if (wasUp && tell) this.handler.down();
  }

  #giveUp(cause) {
    const state = this.up ? "lost" : "failed";
    const common = COMMON_CAUSES.includes(cause);
    this.#dropChannel(true);
    this.#show({ state, cause, ...(common ? this.output.explain(cause) : {}) });
    this.client.link(this.sessionId, this.generation, state, common ? cause : null);
  }

  // The other side, or the client, holds the attempt for failed.
  #takeFailure({ generation, cause = "link_failed" }) {
    if (this.up || !this.channel || generation !== this.generation) return;
    this.#dropChannel(false);
    this.#show({ state: "failed", cause, ...this.output.explain(cause) });
  }

  #show({ state, ...fields }) {
    this.output.event({ event: "link", state, sessionId: this.sessionId, generation: this.generation, ...fields });
  }

  #begin({ generation, iceServers }, offer) {
    this.#dropChannel(true);
    this.generation = generation;
    this.offering = offer === null;
    // What an older channel still says is not heard.
    const heard = (take) => (...given) => {
      if (this.channel === channel) take(...given);
    };
    const channel = this.channels.create(offer, iceServers, {
      described: heard((sdp) => {
        if (this.offering) this.client.offer(this.sessionId, generation, sdp);
        else this.client.answer(this.sessionId, generation, sdp);
      }),
      candidate: heard((...candidate) => this.client.candidate(this.sessionId, generation, ...candidate)),
      opened: heard((relayed) => this.#opened(relayed)),
      text: heard((text) => this.#text(text)),
      binary: heard((bytes) => {
        this.heardMs = performance.now();
        this.handler.binary(bytes);
      }),
      room: heard(() => this.handler.room()),
      failed: heard((cause) => this.#giveUp(cause)),
    });
    this.channel = channel;
    channel.start();
  }

  // `relayed`: through a TURN server.
  #opened(relayed) {
    this.up = true;
    this.heardMs = this.sentMs = this.tickedMs = performance.now();
    this.timer = setInterval(() => this.#tick(), TICK_MS);
    this.#show({ state: "up", relayed });
    this.client.link(this.sessionId, this.generation, "up", null);
    this.handler.up();
  }

  #text(text) {
    let fields = null;
    this.heardMs = performance.now();
    try {
      fields = JSON.parse(text);
    } catch {
      // judged below
    }
    if (typeof fields?.type !== "string") this.#giveUp("bad_message");
    else if (fields.type === "ping") this.send({ type: "pong" });
    else if (fields.type !== "pong") this.handler.message(fields);
  }

  #tick() {
    const nowMs = performance.now();
    if (nowMs - this.tickedMs > STALL_MS) this.heardMs += nowMs - this.tickedMs;
    this.tickedMs = nowMs;
    if (nowMs - this.heardMs > SILENCE_MS) this.#giveUp("silence");
    else if (nowMs - this.sentMs > PING_MS) this.send({ type: "ping" });
  }

  #suspect() {
    if (!this.up) return;
    this.heardMs = Math.min(this.heardMs, performance.now() - (SILENCE_MS - SUSPICION_MS));
    this.send({ type: "ping" });
  }
}
