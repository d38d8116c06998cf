// PeerJS's own signaling server.
import { PeerServer } from "peer";

import { tls } from "./http.js";

const options = { host: "127.0.0.1", port: 0, path: "/", concurrent_limit: 50000, ...(tls ? { ssl: tls } : {}) };
PeerServer(options, (server) => console.log(`listening ${server.address().port}`));
