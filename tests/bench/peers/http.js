// The HTTP server under a peer: over TLS when the suite names a certificate.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";

export const tls = process.env.BENCH_CERTIFICATE && {
    cert: readFileSync(process.env.BENCH_CERTIFICATE),
    key: readFileSync(process.env.BENCH_KEY),
};

export const server = tls ? createTlsServer(tls) : createServer();

export function listen() {
    server.listen({ host: "127.0.0.1", port: 0, backlog: 4096 }, () => console.log(`listening ${server.address().port}`));
}
