// What syncshell-sync prints when its output is no terminal: one JSON object a line. Writes to a pipe or a file are synchronous, so a
// line that was printed stays printed whatever kills the program next.

const PAUSE_MS = 100;

export class Output {
  // `name` begins each line on the standard error.
  constructor(name) {
    this.name = name;
    this.shownMs = -Infinity;
    this.shownBytes = 0;
  }

  event(fields) {
    process.stdout.write(`${JSON.stringify(fields)}\n`);
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

  failure(text) {
    process.stderr.write(`${this.name}: ${text}\n`);
  }
}
