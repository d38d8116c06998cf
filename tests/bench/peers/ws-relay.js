// A signaling relay as one writes it in an afternoon: `ws`, JSON, a map from ids to sockets. No authentication, no store.
import { WebSocketServer } from "ws";

import { listen, server } from "./http.js";

const sockets = new Map();

new WebSocketServer({ server }).on("connection", (socket, request) => {
    const id = new URL(request.url, "ws://localhost").searchParams.get("id");
    sockets.set(id, socket);
    socket.on("close", () => sockets.delete(id));
    socket.on("message", (data) => {
        const message = JSON.parse(data);
        sockets.get(message.target)?.send(JSON.stringify({ ...message, source: id }));
    });
});
listen();
