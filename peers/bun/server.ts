// Bun's own WebSocket server, as its documentation shows it: topics and `server.publish`.
// Every path is a topic; `/echo` answers its sender alone. `--deflate` offers permessage-deflate.

type Data = { topic: string };

const ECHO = "/echo";
const DEFLATE = process.argv.includes("--deflate");
const BACKPRESSURE_BYTES_MAX = 64 * 1024 * 1024;

let dropped = 0;

const server = Bun.serve<Data>({
  hostname: "127.0.0.1",
  port: 0,
  fetch(request, server) {
    const topic = new URL(request.url).pathname;
    if (server.upgrade(request, { data: { topic } })) return undefined;
    return new Response("a WebSocket handshake is needed\n", { status: 426 });
  },
  websocket: {
    perMessageDeflate: DEFLATE,
    // Nobody is dropped for reading slowly: what a subscriber is owed may wait.
    backpressureLimit: BACKPRESSURE_BYTES_MAX,
    closeOnBackpressureLimit: false,
    // Seconds; the longest that Bun takes.
    idleTimeout: 960,
    open(ws) {
      if (ws.data.topic !== ECHO) ws.subscribe(ws.data.topic);
    },
    message(ws, message) {
      if (ws.data.topic === ECHO) {
        if (ws.send(message, DEFLATE) === 0) complain();
      } else if (server.publish(ws.data.topic, message, DEFLATE) === 0) {
        complain();
      }
    },
  },
});

// A result of 0 means that the message was not sent: the first is told, and each thousandth.
function complain() {
  if (dropped++ % 1000 === 0) console.error(`dropped ${dropped} messages`);
}

console.log(`listening on ${server.hostname}:${server.port}`);
