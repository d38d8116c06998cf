// The attempts of one session to connect: generations, who offers, retries, and what becomes of them. The joiner starts attempts;
// the provider answers.

const PAUSES_MS = [2000, 4000, 8000, 16000];
const PASSIVE_MS = 30000;
const ATTEMPT_MS = 15000;

export class Attempts {
  // `session`: {syncshellId, id, joiner, generation, otherOnline}. `out`: emit(type, fields), signal(type, generation, plaintext),
  // report(fields), servers(attempt): promises ICE servers.
  constructor(session, out) {
    Object.assign(this, { session, out });
    this.live = null; // {generation, ours, answered, up, early, startedMs, timer}
    this.count = 0; // of this recovery
    this.failures = 0;
    this.timer = null; // until the next attempt
    this.running = false; // the session is open and we are joined
  }

  // Joined: goes on, or begins.
  start() {
    this.running = true;
    if (!this.live) this.#again(0);
  }

  // No relay: an attempt that is not through fails; a link that is up stays.
  pause() {
    this.running = false;
    clearTimeout(this.timer);
    if (this.live && !this.live.up) this.#fail("relay_unreachable");
  }

  stop() {
    this.pause();
    clearTimeout(this.live?.timer);
    this.live = null;
  }

  presence(presence) {
    if (presence === "online") {
      this.failures = 0;
      // It began anew, and knows nothing of what it had answered.
      if (this.live && !this.live.up && this.live.answered) this.#fail("peer_away");
      if (!this.live) this.#again(0);
    } else if (this.live && !this.live.up && this.live.answered) {
      this.#fail("peer_away");
    }
  }

  // ---- from the application ----

  offer(generation, offerSdp) {
    if (this.#isLive(generation)) this.out.signal("ReconnectOffer", generation, { offerSdp });
  }

  answer(generation, answerSdp) {
    if (!this.#isLive(generation)) return;
    this.live.answered = true;
    this.out.signal("ReconnectAnswer", generation, { answerSdp });
  }

  candidate(generation, candidate, sdpMid, sdpMLineIndex) {
    const index = sdpMLineIndex === null || sdpMLineIndex === undefined ? {} : { sdpMLineIndex };
    if (this.#isLive(generation)) this.out.signal("IceCandidate", generation, { candidate, sdpMid: sdpMid ?? null, ...index });
  }

  link(generation, state, cause) {
    if (!this.#isLive(generation)) return;
    if (state === "failed") return this.#fail(cause ?? "link_failed");
    clearTimeout(this.live.timer);
    this.failures = 0;
    if (state === "up") {
      this.live.up = true;
      this.#report("connected");
      this.out.emit("recovered", { attempt: this.count });
    } else {
      this.live = null;
      this.count = 0;
      this.#again(0);
    }
  }

  // ---- from the other side ----

  takeOffer(generation, sdp) {
    const { live, session } = this;
    if (generation < session.generation || (live?.generation === generation && !live.ours)) return;
    this.#begin(generation, false);
    this.#emitWithServers("offer", { generation, sdp });
  }

  takeAnswer(generation, sdp) {
    if (!this.#isLive(generation) || !this.live.ours || this.live.answered) return;
    this.live.answered = true;
    this.out.emit("answer", { generation, sdp });
  }

  takeCandidate(generation, { candidate, sdpMid, sdpMLineIndex }) {
    if (!this.#isLive(generation)) return;
    const event = { generation, sdp: candidate, sdpMid, sdpMLineIndex };
    if (this.live.early) this.live.early.push(event);
    else this.out.emit("candidate", event);
  }

  // ---- from the relay ----

  // A signal of ours was refused, or will not arrive.
  refused(generation, code, known) {
    const { session } = this;
    const behind = known !== undefined && known > session.generation;
    if (behind) session.generation = known;
    if (!this.#isLive(generation) || this.live.up) return;
    if (code === "glare_lost") this.#fail(code, ATTEMPT_MS); // the other side's offer comes
    else this.#fail(code, behind ? 0 : undefined);
  }

  // The other side gave this attempt up, and has reported it.
  failedThere(generation, cause) {
    if (this.#isLive(generation) && !this.live.up) this.#end(cause);
  }

  #isLive(generation) {
    return this.live?.generation === generation;
  }

  #begin(generation, ours) {
    clearTimeout(this.timer);
    clearTimeout(this.live?.timer);
    if (this.live && !this.live.up) this.#report("failed", "superseded");
    this.count++;
    this.session.generation = Math.max(this.session.generation, generation);
    this.live = { generation, ours, answered: false, up: false, early: null, startedMs: performance.now() };
    this.live.timer = setTimeout(() => this.#fail("attempt_timeout"), ATTEMPT_MS);
  }

  #again(delayMs) {
    clearTimeout(this.timer);
    if (this.session.joiner && this.running) this.timer = setTimeout(() => this.#attempt(), delayMs);
  }

  #attempt() {
    if (!this.running || this.live) return;
    if (!this.session.otherOnline()) return this.#failed(this.session.generation, "peer_away");
    this.#begin(this.session.generation + 1, true);
    this.#emitWithServers("offer_needed", { generation: this.live.generation, attempt: this.count });
  }

  // What follows an offer while the relay is asked must not come before it.
  async #emitWithServers(type, fields) {
    const { live } = this;
    live.early = [];
    const iceServers = await this.out.servers(this.count);
    if (this.live !== live) return;
    const { early } = live;
    live.early = null;
    this.out.emit(type, { ...fields, iceServers });
    for (const event of early) this.out.emit("candidate", event);
  }

  #fail(cause, delayMs) {
    this.#report("failed", cause);
    this.#end(cause, delayMs);
  }

  #end(cause, delayMs) {
    clearTimeout(this.live.timer);
    const { generation } = this.live;
    this.live = null;
    this.#failed(generation, cause, delayMs);
  }

  #failed(generation, cause, delayMs = this.#pauseMs()) {
    this.out.emit("attempt_failed", { generation, attempt: this.count, cause, retryMs: delayMs });
    if (++this.failures === PAUSES_MS.length + 1 && this.session.joiner) this.out.emit("manual_recovery", {});
    this.#again(delayMs);
  }

  #pauseMs() {
    return (PAUSES_MS[this.failures] ?? PASSIVE_MS) * (0.75 + Math.random() / 2);
  }

  #report(result, cause) {
    const { generation, startedMs } = this.live;
    const elapsedMs = Math.round(performance.now() - startedMs);
    this.out.report({ generation, attempt: this.count, result, ...(cause ? { cause } : {}), elapsedMs });
  }
}
