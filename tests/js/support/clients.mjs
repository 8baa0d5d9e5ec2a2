// Two WebSocket clients from npm behind one face: `ws` and `websocket`.

import { once } from 'node:events';

import websocket from 'websocket';
import { WebSocket } from 'ws';

import { Inbox, within } from './patience.mjs';

const MESSAGE_BYTES_MAX = 8 << 20;

/** Bytes of a frame that `websocket` sends when it is told to fragment. */
export const FRAGMENT_BYTES = 5;

/**
 * A connection. `next()` gives the next message as a string or a Buffer; `closed` settles with the
 * close `{ code, reason }`; `ping(payload)` gives the payload of the pong.
 */
class Connection {
  #messages = new Inbox();
  #pongs = new Inbox();

  constructor(raw, protocol) {
    this.raw = raw;
    this.protocol = protocol;
    this.closed = new Promise((resolve) => {
      this.hasClosed = (code, reason) => resolve({ code, reason });
    });
  }

  gotMessage(message) {
    this.#messages.put(message);
  }

  gotPong(payload) {
    this.#pongs.put(payload.toString());
  }

  next() {
    return this.#messages.take('a message');
  }

  get waiting() {
    return this.#messages.waiting;
  }

  nextPong() {
    return this.#pongs.take('a pong');
  }

  waitForClose() {
    return within(this.closed, 'the connection to close');
  }
}

/** A connection with npm's `ws`. `options` are those of `ws`. */
export async function connectWs(t, url, { protocols = [], ...options } = {}) {
  const raw = new WebSocket(url, protocols, { maxPayload: MESSAGE_BYTES_MAX, ...options });
  t.after(() => raw.terminate());
  const connection = new Connection(raw, '');
  raw.on('message', (data, isBinary) =>
    connection.gotMessage(isBinary ? data : data.toString()),
  );
  raw.on('pong', (payload) => connection.gotPong(payload));
  raw.on('close', (code, reason) => connection.hasClosed(code, reason.toString()));
  await within(once(raw, 'open'), `ws to connect to ${url}`);
  raw.on('error', () => {});
  connection.protocol = raw.protocol;
  connection.sendText = (text) => raw.send(text);
  connection.sendBinary = (bytes) => raw.send(bytes);
  connection.ping = (payload) => raw.ping(payload);
  connection.close = (code, reason) => raw.close(code, reason);
  return connection;
}

/** A connection with npm's `websocket`. `options` are those of its client. */
export async function connectWebsocket(t, url, { protocols = [], ...options } = {}) {
  const client = new websocket.client({
    maxReceivedFrameSize: MESSAGE_BYTES_MAX,
    maxReceivedMessageSize: MESSAGE_BYTES_MAX,
    ...options,
  });
  const opened = new Promise((resolve, reject) => {
    client.on('connect', resolve);
    client.on('connectFailed', reject);
  });
  client.connect(url, protocols);
  const raw = await within(opened, `websocket to connect to ${url}`);
  t.after(() => raw.socket.destroy());
  const connection = new Connection(raw, raw.protocol ?? '');
  raw.on('message', (message) =>
    connection.gotMessage(message.type === 'binary' ? message.binaryData : message.utf8Data),
  );
  raw.on('pong', (payload) => connection.gotPong(payload));
  raw.on('close', (code, reason) => connection.hasClosed(code, reason));
  raw.on('error', () => {});
  connection.sendText = (text) => raw.sendUTF(text);
  connection.sendBinary = (bytes) => raw.sendBytes(bytes);
  connection.ping = (payload) => raw.ping(payload);
  connection.close = (code, reason) => raw.close(code, reason);
  return connection;
}

/** Both clients, by name. */
export const CLIENTS = [
  ['ws', connectWs],
  ['websocket', connectWebsocket],
];
