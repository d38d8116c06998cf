// WebRTC data channels by libdatachannel (node-datachannel), as common/link.js uses them.

import { parseIceUrl } from "../common/server.js";
import { CHANNEL_LABEL } from "../common/transfer.js";
import { requirePackage } from "../host/modules.js";

const { PeerConnection, cleanup, initLogger } = requirePackage("node-datachannel");

const BUFFER_BYTES_MAX = 256 * 1024;
const GATHERING_MS = 1000; // after that, candidates follow the description one by one

initLogger("None", () => {});

export class Channels {
  // `options`: {bind, iceServers, relayOnly}; without servers of their own, those that the relay names for the attempt.
  constructor(options) {
    this.own = options.iceServers;
    this.config = {
      ...(options.bind ? { bindAddress: options.bind } : {}),
      ...(options.relayOnly ? { iceTransportPolicy: "relay" } : {}),
    };
  }

  create(offer, iceServers, handler) {
    const servers = this.own.length > 0 ? this.own : iceServers;
    return new Channel({ ...this.config, iceServers: servers.map(iceServer).filter(Boolean) }, offer, handler);
  }

  // Ends the threads of the library.
  close() {
    cleanup();
  }
}

// As libdatachannel takes it; null: of a kind that is not known.
function iceServer({ url, username, credential }) {
  const parsed = parseIceUrl(url);
  if (!parsed?.turn) return parsed && url;
  const relayType = parsed.tls ? "TurnTls" : parsed.transport === "tcp" ? "TurnTcp" : "TurnUdp";
  return { hostname: parsed.host, port: parsed.port, username, password: credential, relayType };
}

class Channel {
  constructor(config, offer, handler) {
    Object.assign(this, { config, offer, handler, closed: false, described: false });
  }

  start() {
    const connection = (this.connection = new PeerConnection("syncshell", this.config));
    connection.onGatheringStateChange((state) => state === "complete" && this.#gathered());
    connection.onLocalCandidate((candidate, mid) => {
      if (this.described) this.handler.candidate(candidate, mid, null);
    });
    connection.onStateChange((state) => {
      if (state === "failed" || state === "closed") this.#fail(this.open ? "channel_closed" : "no_path");
    });
    connection.onDataChannel((channel) => this.#use(channel));
    this.timer = setTimeout(() => this.#describe(), GATHERING_MS);
    try {
      if (this.offer === null) this.#use(connection.createDataChannel(CHANNEL_LABEL));
      else connection.setRemoteDescription(this.offer, "offer");
    } catch {
      this.#fail("bad_offer");
    }
  }

  takeAnswer(sdp) {
    try {
      this.connection.setRemoteDescription(sdp, "answer");
    } catch {
      this.#fail("bad_answer");
    }
  }

  takeCandidate(candidate, mid) {
    try {
      if (candidate) this.connection.addRemoteCandidate(candidate, mid ?? "0");
    } catch {
      // one that cannot be used is not missed
    }
  }

  sendText(text) {
    if (this.open) this.channel.sendMessage(text);
  }

  sendBinary(bytes) {
    if (!this.open || this.channel.bufferedAmount() > BUFFER_BYTES_MAX) return false;
    this.channel.sendMessageBinary(bytes);
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

  // The end of gathering may be told before the last candidate: only the description has them all.
  #gathered() {
    const found = this.connection.localDescription()?.sdp.includes(" typ relay");
    if (this.config.iceTransportPolicy === "relay" && !found) this.#fail("no_relay");
    else this.#describe();
  }

  #describe() {
    const description = this.connection.localDescription();
    if (this.described || this.closed || !description) return;
    this.described = true;
    clearTimeout(this.timer);
    this.handler.described(description.sdp);
  }

  #use(channel) {
    this.channel = channel;
    channel.setBufferedAmountLowThreshold(BUFFER_BYTES_MAX / 2);
    channel.onOpen(() => this.#opened());
    channel.onClosed(() => this.#fail("channel_closed"));
    channel.onError(() => this.#fail("channel_closed"));
    channel.onBufferedAmountLow(() => this.open && this.handler.room());
    channel.onMessage((message) => {
      this.#opened();
      if (this.closed) return;
      if (typeof message === "string") this.handler.text(message);
      else this.handler.binary(new Uint8Array(message));
    });
    if (channel.isOpen()) this.#opened();
  }

  #opened() {
    if (this.open || this.closed) return;
    this.open = true;
    const { local, remote } = this.connection.getSelectedCandidatePair() ?? {};
    const relayOnly = this.config.iceTransportPolicy === "relay"; // the pair names the address below it
    this.handler.opened(relayOnly || local?.type === "relay" || remote?.type === "relay");
  }

  #fail(cause) {
    if (!this.closed) this.handler.failed(cause);
  }
}
