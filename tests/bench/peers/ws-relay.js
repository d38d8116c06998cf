// A signaling relay as one writes it in an afternoon: `ws`, JSON, a map from ids to sockets. No authentication, no store.
import { WebSocketServer } from "ws";

const sockets = new Map();
const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });

server.on("connection", (socket, request) => {
    const id = new URL(request.url, "ws://localhost").searchParams.get("id");
    sockets.set(id, socket);
    socket.on("close", () => sockets.delete(id));
    socket.on("message", (data) => {
        const message = JSON.parse(data);
        sockets.get(message.target)?.send(JSON.stringify({ ...message, source: id }));
    });
});
server.on("listening", () => console.log(`listening ${server.address().port}`));
