// A STOMP server that does nothing by itself: the test says every frame that it sends.

import { once } from 'node:events';

import { WebSocketServer } from 'ws';

import { Inbox } from './patience.mjs';

/** One frame of a client as `{ command, headers, body }`; these tests escape nothing. */
function parsed(text) {
  const [head, ...body] = text.split('\n\n');
  const [command, ...lines] = head.split('\n');
  const headers = lines.map((line) => [
    line.slice(0, line.indexOf(':')),
    line.slice(line.indexOf(':') + 1),
  ]);
  return { command, headers: Object.fromEntries(headers), body: body.join('\n\n') };
}

class Connection {
  #socket;
  #frames = new Inbox();

  constructor(socket) {
    this.#socket = socket;
    socket.on('message', (data) => {
      for (const text of data.toString().split('\0')) {
        if (text.trim() !== '') {
          this.#frames.put(parsed(text.trimStart()));
        }
      }
    });
  }

  /** The next frame of the client, which must be a `command`; gives its headers. */
  async expect(command) {
    const frame = await this.#frames.take(command);
    if (frame.command !== command) {
      throw new Error(`${frame.command} instead of ${command}`);
    }
    return frame.headers;
  }

  /** Frames that have come and were not expected yet. */
  get waiting() {
    return this.#frames.waiting;
  }

  send(command, headers, body = '') {
    const lines = Object.entries(headers).map(([name, value]) => `${name}:${value}\n`);
    this.#socket.send(`${command}\n${lines.join('')}\n${body}\0`);
  }

  message({ id }, position, body, headers = {}) {
    const described = { subscription: id, destination: '/topic/t', 'message-id': position };
    this.send('MESSAGE', { ...described, ...headers }, body);
  }

  cut() {
    this.#socket.terminate();
  }
}

export class ScriptedServer {
  #server;
  #connections = new Inbox();

  /** Starts one that ends with the test `t`. */
  static async start(t) {
    const scripted = new ScriptedServer();
    scripted.#server = new WebSocketServer({
      host: '127.0.0.1',
      port: 0,
      handleProtocols: () => 'v12.stomp',
    });
    scripted.#server.on('connection', (socket) => {
      scripted.#connections.put(new Connection(socket));
    });
    await once(scripted.#server, 'listening');
    scripted.url = `ws://127.0.0.1:${scripted.#server.address().port}/`;
    t.after(() => {
      scripted.#server.clients.forEach((socket) => socket.terminate());
      scripted.#server.close();
    });
    return scripted;
  }

  /** The next connection, once its CONNECT is answered with `headers`. */
  async accept(headers = { history: 'in-memory' }) {
    const connection = await this.#connections.take('a connection');
    await connection.expect('CONNECT');
    connection.send('CONNECTED', { version: '1.2', 'heart-beat': '0,0', ...headers });
    return connection;
  }
}
