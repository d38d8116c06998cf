// The peer that lives in the page. The program around it calls `peer` once.

import { Fetcher } from "../common/fetcher.js";
import { Output } from "../common/output.js";
import { Sharer } from "../common/sharer.js";
import { Channels } from "./channel.js";
import { Client } from "./client.js";
import { disk, print, quit, saveMember } from "./host.js";
import { digest } from "./keys.js";
import { create, decodeInvite, encodeInvite, join, keysOf } from "./membership.js";

window.peer = {
  // Each promises what is to be printed.
  async create({ relay }) {
    const member = await create(relay);
    await saveMember(member);
    return encodeInvite(member);
  },
  async join({ word }) {
    const member = await join(decodeInvite(word));
    await saveMember(member);
    return member.syncshell.id;
  },

  // Starts; everything else is told to `print` and `quit`.
  async run(options, member, folderPath, explanations) {
    const output = new Output(print, explanations);
    let role = null;
    const client = new Client(
      { relayUrl: options.relay ?? member.relay, ...(await keysOf(member)), member, save: () => saveMember(member) },
      (event) => {
        output.general(event, quit);
        role.event(event);
      });
    const app = { client, channels: new Channels(options), disk, output, options, ownId: client.ownId, folderPath, digest, quit };
    role = options.command === "share" ? new Sharer(app) : new Fetcher(app);
    window.peer.stop = () => client.stop();
    client.start();
  },
};
