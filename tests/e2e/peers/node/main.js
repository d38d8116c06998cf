// A plugin host in JavaScript: libsyncshell for identity, joining and recovery, libdatachannel for WebRTC, and the transfer of
// common/. Started by ../node-peer.

import crypto from "node:crypto";

import { Fetcher } from "../common/fetcher.js";
import { Output } from "../common/output.js";
import { Sharer } from "../common/sharer.js";
import { loadExplanations } from "../host/causes.js";
import { Disk } from "../host/disk.js";
import { UsageError, parseOptions } from "../host/options.js";
import { runMain } from "../host/output.js";
import { Channels } from "./channel.js";
import { Client } from "./client.js";

async function run(options, libraryPath, print) {
  const output = new Output(print, loadExplanations());
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
    output.general(event, quit);
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

await runMain("node-peer", (error) => error instanceof UsageError,
  (print) => run(parseOptions(process.argv.slice(3)), process.argv[2], print));
