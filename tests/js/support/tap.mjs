// A proxy that shows what goes over the wire.

import { once } from 'node:events';
import net from 'node:net';

/** Passes connections on to `host`, and keeps what came back on each. */
export class Tap {
  #server;
  #sockets = new Set();
  /** For each connection, the bytes that the program has sent. */
  answers = [];

  /** Starts one that ends with the test `t`. */
  static async start(t, host) {
    const tap = new Tap();
    const [address, port] = host.split(':');
    tap.#server = net.createServer((inner) => {
      const outer = net.connect(Number(port), address);
      const answer = [];
      tap.answers.push(answer);
      for (const [from, to] of [[inner, outer], [outer, inner]]) {
        tap.#sockets.add(from);
        from.on('error', () => to.destroy());
        from.on('close', () => to.destroy());
        from.pipe(to);
      }
      outer.on('data', (bytes) => answer.push(bytes));
    });
    tap.#server.listen(0, '127.0.0.1');
    await once(tap.#server, 'listening');
    t.after(() => {
      tap.#server.close();
      tap.#sockets.forEach((socket) => socket.destroy());
    });
    tap.host = `127.0.0.1:${tap.#server.address().port}`;
    return tap;
  }

  /** The head of the answer to the handshake, on the only connection that became a WebSocket. */
  head() {
    return this.#split()[0].toString();
  }

  /** What followed that head: the program's frames as they were sent. */
  frames() {
    return this.#split()[1];
  }

  #split() {
    const upgraded = this.answers
      .map((answer) => Buffer.concat(answer))
      .filter((bytes) => bytes.subarray(0, 12).equals(Buffer.from('HTTP/1.1 101')));
    if (upgraded.length !== 1) {
      throw new Error(`${upgraded.length} WebSockets instead of one`);
    }
    const end = upgraded[0].indexOf('\r\n\r\n') + 4;
    return [upgraded[0].subarray(0, end), upgraded[0].subarray(end)];
  }
}
