// Pages that come from elsewhere: a web server of the test, on a port of its own.

import { once } from 'node:events';
import { createServer } from 'node:http';

/** Serves one page at every path of a port of its own until the test `t` ends; gives its address. */
export async function serveElsewhere(t, body) {
  const elsewhere = createServer((_, response) => {
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(body);
  });
  t.after(() => {
    elsewhere.close();
    elsewhere.closeAllConnections();
  });
  elsewhere.listen(0, '127.0.0.1');
  await once(elsewhere, 'listening');
  return `http://127.0.0.1:${elsewhere.address().port}/`;
}
