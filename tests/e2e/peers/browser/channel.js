// WebRTC data channels of the browser, as common/link.js uses them.

import { parseIceUrl } from "../common/server.js";
import { CHANNEL_LABEL } from "../common/transfer.js";

const BUFFER_BYTES_MAX = 256 * 1024;
const GATHERING_MS = 1000; // after that, candidates follow the description one by one
const SERVER_UNREACHABLE = 701;
const HOST_CANDIDATE = /candidate:\S+ \d+ \S+ \d+ (\S+) \d+ typ host/;

export class Channels {
  // `options`: {bind, iceServers, relayOnly}; without servers of their own, those that the relay names for the attempt.
  constructor({ bind, iceServers, relayOnly }) {
    this.bind = bind;
    this.own = iceServers;
    this.policy = relayOnly ? "relay" : "all";
  }

  create(offer, iceServers, handler) {
    const servers = (this.own.length > 0 ? this.own : iceServers).filter(({ url }) => parseIceUrl(url));
    const config = {
      iceServers: servers.map(({ url, ...credentials }) => ({ urls: url, ...credentials })),
      iceTransportPolicy: this.policy,
    };
    return new Channel(this, config, offer, handler);
  }

  // A browser cannot be told which address to use: those of other addresses are not told to the other side.
  isUsable(candidate) {
    const [, address] = HOST_CANDIDATE.exec(candidate) ?? [];
    return !this.bind || !address || address === this.bind;
  }

  filter(sdp) {
    return sdp.split("\r\n").filter((line) => !line.startsWith("a=candidate:") || this.isUsable(line)).join("\r\n");
  }
}

class Channel {
  constructor(channels, config, offer, handler) {
    Object.assign(this, { channels, config, offer, handler, open: false, closed: false, described: false, relays: 0, turnCause: null });
    this.remote = Promise.resolve(); // what is told to the connection, in order
  }

  start() {
    const connection = (this.connection = new RTCPeerConnection(this.config));
    connection.onicegatheringstatechange = () => connection.iceGatheringState === "complete" && this.#gathered();
    connection.onicecandidateerror = (error) => this.#noteError(error);
    connection.onicecandidate = ({ candidate }) => this.#candidate(candidate);
    connection.onconnectionstatechange = () => {
      if (connection.connectionState === "failed") this.#fail(this.open ? "channel_closed" : this.#whyNoPath());
    };
    connection.ondatachannel = ({ channel }) => this.#use(channel);
    this.timer = setTimeout(() => this.#describe(), GATHERING_MS);
    if (this.offer === null) this.#use(connection.createDataChannel(CHANNEL_LABEL));
    else this.#setRemote("offer", this.offer);
    this.remote = this.remote.then(() => connection.setLocalDescription()).catch(() => this.#fail("bad_offer"));
  }

  takeAnswer(sdp) {
    this.#setRemote("answer", sdp);
  }

  takeCandidate(candidate, sdpMid, sdpMLineIndex) {
    if (!candidate) return;
    const given = { candidate, sdpMid: sdpMid ?? null, sdpMLineIndex: sdpMLineIndex ?? (sdpMid ? null : 0) };
    this.remote = this.remote.then(() => this.connection.addIceCandidate(given)).catch(() => {}); // one that cannot be used is not missed
  }

  sendText(text) {
    if (this.open) this.channel.send(text);
  }

  sendBinary(bytes) {
    if (!this.open || this.channel.bufferedAmount > BUFFER_BYTES_MAX) return false;
    this.channel.send(bytes);
    return true;
  }

  close() {
    if (this.closed) return;
    this.closed = true;
    this.open = false;
    clearTimeout(this.timer);
    this.channel?.close();
    this.connection?.close();
  }

  #setRemote(type, sdp) {
    this.remote = this.remote.then(() => this.connection.setRemoteDescription({ type, sdp })).catch(() => this.#fail(`bad_${type}`));
  }

  // Of a TURN server that did not help: that it refused tells more than that another one did not answer.
  #noteError({ url, errorCode }) {
    if (!/^turns?:/.test(url ?? "")) return;
    if (errorCode !== SERVER_UNREACHABLE) this.turnCause = "turn_refused";
    else this.turnCause ??= "turn_unreachable";
  }

  #whyNoPath() {
    if (["connected", "completed"].includes(this.connection.iceConnectionState)) return "dtls_failed";
    if (this.relays > 0) return "no_path";
    return this.turnCause ?? (this.channels.policy === "relay" ? "no_relay" : "no_path");
  }

  #gathered() {
    if (this.channels.policy === "relay" && this.relays === 0) this.#fail(this.#whyNoPath());
    else this.#describe();
  }

  #describe() {
    const description = this.connection.localDescription;
    if (this.described || this.closed || !description) return;
    this.described = true;
    clearTimeout(this.timer);
    this.handler.described(this.channels.filter(description.sdp));
  }

  #candidate(found) {
    if (found?.candidate.includes(" typ relay")) this.relays++;
    if (!this.described || !found?.candidate || !this.channels.isUsable(found.candidate)) return;
    this.handler.candidate(found.candidate, found.sdpMid, found.sdpMLineIndex);
  }

  #use(channel) {
    this.channel = channel;
    channel.binaryType = "arraybuffer";
    channel.bufferedAmountLowThreshold = BUFFER_BYTES_MAX / 2;
    channel.onopen = () => this.#opened();
    channel.onclose = channel.onerror = () => this.#fail("channel_closed");
    channel.onbufferedamountlow = () => this.open && this.handler.room();
    channel.onmessage = ({ data }) => {
      this.#opened();
      if (this.closed) return;
      if (typeof data === "string") this.handler.text(data);
      else this.handler.binary(new Uint8Array(data));
    };
    if (channel.readyState === "open") this.#opened();
  }

  #opened() {
    if (this.open || this.closed) return;
    this.open = true;
    const pair = this.connection.sctp?.transport?.iceTransport?.getSelectedCandidatePair();
    this.handler.opened(pair?.local?.type === "relay" || pair?.remote?.type === "relay");
  }

  #fail(cause) {
    if (!this.closed) this.handler.failed(cause);
  }
}
