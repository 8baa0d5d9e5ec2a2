// A proxy that cuts connections in the middle of whatever they carry.

import { once } from 'node:events';
import net from 'node:net';

/** Numbers of at least 0 and less than 1 that depend on `seed` alone (mulberry32). */
export function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export class Cutter {
  #server;
  #sockets = new Set();
  /** How many connections have been cut. */
  cuts = 0;

  /**
   * Passes connections on to `host` until the test `t` ends. The first one is cut after as many
   * bytes of the server as the first of `budgets` says, and so on; those after the last are left.
   * `rewrite` may put other bytes, as many, in the place of what the server has sent.
   */
  static async start(t, host, budgets, rewrite = (bytes) => bytes) {
    const cutter = new Cutter();
    const [address, port] = host.split(':');
    const left = [...budgets];
    cutter.#server = net.createServer((inner) => {
      const outer = net.connect(Number(port), address);
      for (const [socket, other] of [[inner, outer], [outer, inner]]) {
        cutter.#sockets.add(socket);
        socket.on('error', () => other.destroy());
        socket.on('close', () => {
          cutter.#sockets.delete(socket);
          other.destroy();
        });
      }
      inner.pipe(outer);
      let budget = left.length > 0 ? left.shift() : Infinity;
      outer.on('data', (sent) => {
        const bytes = rewrite(sent);
        if (bytes.length < budget) {
          budget -= bytes.length;
          inner.write(bytes);
          return;
        }
        outer.pause();
        cutter.cuts += 1;
        // Half of them end as a process that was killed does, half as a cable that was pulled.
        const end = () => (cutter.cuts % 2 ? inner.destroy() : inner.resetAndDestroy());
        inner.write(bytes.subarray(0, budget), end);
      });
    });
    cutter.#server.listen(0, '127.0.0.1');
    await once(cutter.#server, 'listening');
    cutter.host = `127.0.0.1:${cutter.#server.address().port}`;
    t.after(() => {
      cutter.#server.close();
      cutter.#sockets.forEach((socket) => socket.destroy());
    });
    return cutter;
  }
}
