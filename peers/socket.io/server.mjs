// The npm package socket.io. A client emits `m` with a text; everybody gets `m` with that text.
// The query of the handshake says who hears it: `room=NAME` that room only, `echo=1` the sender
// only. `--deflate` offers permessage-deflate.

import { createServer } from "node:http";
import { Server } from "socket.io";

const http = createServer();
const io = new Server(http, {
  serveClient: false,
  // Short messages, too: the default spares what is below a kilobyte.
  perMessageDeflate: process.argv.includes("--deflate") && { threshold: 0 },
  // A busy load generator may answer late: that is not what is measured.
  pingTimeout: 120_000,
});

io.on("connection", (socket) => {
  const { room, echo } = socket.handshake.query;
  if (echo !== undefined) {
    socket.on("m", (text) => socket.emit("m", text));
  } else if (room !== undefined) {
    socket.join(room);
    socket.on("m", (text) => io.to(room).emit("m", text));
  } else {
    socket.on("m", (text) => io.emit("m", text));
  }
});

http.listen({ host: "127.0.0.1", port: 0, backlog: 4096 }, () => {
  const { address, port } = http.address();
  console.log(`listening on ${address}:${port}`);
});
