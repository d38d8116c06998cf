// Socket.IO with connection state recovery; each client is in a room of its own, named by its id.
import { Server } from "socket.io";

import { listen, server } from "./http.js";

const io = new Server(server, { connectionStateRecovery: {}, serveClient: false });

io.on("connection", (socket) => {
    socket.join(socket.handshake.auth.id);
    socket.on("signal", (message) => io.to(message.target).emit("signal", message));
});
listen();
