// The npm package ws, as its README broadcasts: a loop over the clients. Every path is a group of
// clients; `/echo` answers its sender alone. `--deflate` offers permessage-deflate.

import { createServer } from "node:http";
import { WebSocketServer } from "ws";

const ECHO = "/echo";

const http = createServer((request, response) => {
  response.writeHead(426).end("a WebSocket handshake is needed\n");
});
const server = new WebSocketServer({
  server: http,
  // Short messages, too: the default spares what is below a kilobyte.
  perMessageDeflate: process.argv.includes("--deflate") && { threshold: 0 },
  clientTracking: false,
});
const groups = new Map();

server.on("connection", (client, request) => {
  const path = request.url.split("?", 1)[0];
  client.on("error", (error) => console.error(error.message));
  if (path === ECHO) {
    client.on("message", (data, binary) => client.send(data, { binary }));
    return;
  }
  const group = groups.get(path) ?? new Set();
  groups.set(path, group);
  group.add(client);
  client.on("message", (data, binary) => {
    for (const one of group) {
      if (one.readyState === one.OPEN) one.send(data, { binary });
    }
  });
  client.on("close", () => {
    group.delete(client);
    if (group.size === 0) groups.delete(path);
  });
});

http.listen({ host: "127.0.0.1", port: 0, backlog: 4096 }, () => {
  const { address, port } = http.address();
  console.log(`listening on ${address}:${port}`);
});
