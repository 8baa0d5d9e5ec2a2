// One address, behind which programs come and go.

import { once } from 'node:events';
import net from 'node:net';

/** Passes connections on to the program at `target`; while that is null, they are cut off. */
export class Relay {
  #server;
  #sockets = new Set();
  target = null;

  /** Starts one that ends with the test `t`. */
  static async start(t, target) {
    const relay = new Relay();
    relay.target = target;
    relay.#server = net.createServer((inner) => {
      if (relay.target === null) {
        inner.destroy();
        return;
      }
      const [address, port] = relay.target.split(':');
      const outer = net.connect(Number(port), address);
      for (const [from, to] of [[inner, outer], [outer, inner]]) {
        relay.#sockets.add(from);
        from.on('error', () => to.destroy());
        from.on('close', () => {
          relay.#sockets.delete(from);
          to.destroy();
        });
        from.pipe(to);
      }
    });
    relay.#server.listen(0, '127.0.0.1');
    await once(relay.#server, 'listening');
    relay.host = `127.0.0.1:${relay.#server.address().port}`;
    t.after(() => {
      relay.#server.close();
      relay.#sockets.forEach((socket) => socket.destroy());
    });
    return relay;
  }
}
