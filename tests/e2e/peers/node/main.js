// A plugin host in JavaScript: libsyncshell for identity, joining and recovery, libdatachannel for WebRTC, and the transfer of
// common/. Started by ../node-peer.

import crypto from "node:crypto";

import { Fetcher } from "../common/fetcher.js";
import { Sharer } from "../common/sharer.js";
import { Disk } from "../host/disk.js";
import { UsageError, parseOptions } from "../host/options.js";
import { Output } from "../host/output.js";
import { Channels } from "./channel.js";
import { Client } from "./client.js";

const output = new Output("node-peer");

function takeGeneral(event, quit) {
  switch (event.type) {
    case "relay_connected":
      output.event({ event: "relay_connected" });
      break;
    case "relay_disconnected":
      output.event({ event: "relay_disconnected", code: event.code ?? "" });
      break;
    case "manual_recovery":
      output.event({ event: "manual_recovery" });
      break;
    case "request_failed":
      // Otherwise it was closed while we spoke of its link.
      if (event.code !== "unknown_session") output.failure(`A request failed: ${event.message} (${event.code}).`);
      break;
    case "stopped":
      output.failure(`The client stopped: ${event.message} (${event.code}). Start again.`);
      quit(1);
  }
}

async function run(options, libraryPath) {
  const disk = new Disk(options.word);
  if (options.command === "fetch") disk.settle();
  disk.scan();
  output.event({ event: "scanned", files: disk.folder.files.length, bytes: disk.folder.bytes });
  let role = null;
  let ending = null;
  const channels = new Channels(options);
  const client = new Client(libraryPath, {
    state_dir: options.state, relay_url: options.relay ?? null, ca_file: options.ca ?? null,
  }, (event) => {
    takeGeneral(event, quit);
    role.event(event);
  });
  async function quit(status) {
    ending ??= client.free().then(() => {
      channels.close();
      process.exit(status);
    });
  }
  process.stdout.on("error", () => quit(1)); // nobody reads any more
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"]) process.on(signal, () => quit(options.command === "share" ? 0 : 1));
  const digest = async (text) => crypto.createHash("sha256").update(text).digest("hex");
  const app = { client, channels, disk, output, options, ownId: client.id, folderPath: disk.folder.path, digest, quit };
  role = options.command === "share" ? new Sharer(app) : new Fetcher(app);
}

try {
  await run(parseOptions(process.argv.slice(3)), process.argv[2]);
} catch (error) {
  output.failure(error instanceof UsageError ? `${error.message} See: tests/e2e/peers/README.md` : error.message);
  process.exit(error instanceof UsageError ? 2 : 1);
}
