// What syncshell-sync prints when its output is no terminal: one JSON object a line.

const PAUSE_MS = 100;

export class Output {
  // `event(fields)` and `failure(text)` print; a failure is a sentence for a person. `explanations`: such sentences by cause.
  constructor({ event, failure }, explanations) {
    Object.assign(this, { event, failure, explanations });
    this.shownMs = -Infinity;
    this.shownBytes = 0;
  }

  // How far the transfer is; a few times a second at most, and always when it is complete.
  progress(bytes, ofBytes) {
    const passedMs = performance.now() - this.shownMs;
    if (bytes < ofBytes && passedMs < PAUSE_MS) return;
    const bytesPerSecond = bytes > this.shownBytes ? Math.round(((bytes - this.shownBytes) * 1000) / passedMs) : 0;
    this.shownMs = performance.now();
    this.shownBytes = bytes;
    this.event({ event: "progress", bytes, ofBytes, bytesPerSecond });
  }

  // The field that explains a cause, if it can be explained.
  explain(cause) {
    const explanation = this.explanations[cause];
    return explanation ? { explanation } : {};
  }

  // What every role tells of its client's events.
  general({ type, code, message }, quit) {
    switch (type) {
      case "relay_connected":
        return this.event({ event: "relay_connected" });
      case "relay_disconnected":
        return this.event({ event: "relay_disconnected", code: code ?? "" });
      case "manual_recovery":
        return this.event({ event: "manual_recovery" });
      case "request_failed":
        // Otherwise it was closed while we spoke of its link.
        return code !== "unknown_session" && this.failure(`A request failed: ${message} (${code}).`);
      case "stopped":
        this.failure(`The client stopped: ${message} (${code}). Start again.`);
        quit(1);
    }
  }
}
