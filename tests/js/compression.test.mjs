// Compressed messages (permessage-deflate, RFC 7692), with a browser and with npm's `ws`, through a
// proxy that sees what is on the wire.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { launch, openPage, watch } from './support/browser.mjs';
import { connectWs } from './support/clients.mjs';
import { LIMIT } from './support/patience.mjs';
import { Server } from './support/server.mjs';
import { Tap } from './support/tap.mjs';

const RSV1 = 0x40;
const TEXT = '一绳轻牵，满城皆闻。🔔 ding dong '.repeat(2_000);

let server;
let browser;
before(async () => {
  server = await Server.start();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** Checks that `frames` are one text message: compressed, and much shorter than `text`. */
function assertCompressed(frames, text) {
  assert.equal(frames[0], 0x81 | RSV1);
  const bytes = Buffer.byteLength(text);
  assert.ok(frames.length < bytes / 10, `${frames.length} bytes of ${bytes}`);
}

test('Chromium negotiates compression, and messages go compressed both ways', LIMIT, async (t) => {
  const tap = await Tap.start(t, server.host);
  const page = await openPage(t, browser);
  const { assertQuiet } = await watch(page, tap.host);
  await page.goto(`http://${tap.host}/`);
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('Network.enable');
  const answered = new Promise((resolve) => {
    devtools.once('Network.webSocketHandshakeResponseReceived', ({ response }) =>
      resolve(response.headers),
    );
  });
  const { extensions, echo } = await page.evaluate(
    ([url, text]) =>
      new Promise((resolve, reject) => {
        const socket = new WebSocket(url);
        socket.onerror = () => reject(new Error('the socket failed'));
        socket.onopen = () => socket.send(text);
        socket.onmessage = ({ data }) => resolve({ extensions: socket.extensions, echo: data });
      }),
    [`ws://${tap.host}/echo`, TEXT],
  );
  const expected =
    'permessage-deflate; server_no_context_takeover; client_no_context_takeover';
  const headers = await answered;
  assert.equal(headers['sec-websocket-extensions'] ?? headers['Sec-WebSocket-Extensions'], expected);
  assert.equal(extensions, expected);
  assert.ok(echo === TEXT);
  assertCompressed(tap.frames(), TEXT);
  assertQuiet();
});

for (let bits = 9; bits <= 15; bits += 1) {
  test(`ws inflates with a window of ${2 ** bits} bytes`, LIMIT, async (t) => {
    const tap = await Tap.start(t, server.host);
    const client = await connectWs(t, `ws://${tap.host}/echo`, {
      perMessageDeflate: { serverMaxWindowBits: bits, clientMaxWindowBits: bits, threshold: 0 },
    });
    assert.match(tap.head(), new RegExp(`server_max_window_bits=${bits}\r\n`));
    client.sendText(TEXT);
    assert.ok((await client.next()) === TEXT);
    assertCompressed(tap.frames(), TEXT);
    // What is too short to gain goes out as it is, to one who could inflate it, too.
    client.sendText('ding');
    assert.equal(await client.next(), 'ding');
    assert.deepEqual(tap.frames().subarray(-6), Buffer.from('\x81\x04ding', 'latin1'));
  });
}

test('a broadcast reaches those who inflate and those who do not', LIMIT, async (t) => {
  const listeners = await Promise.all(
    [false, true, { serverMaxWindowBits: 10 }, { serverMaxWindowBits: 15 }].map((offer) =>
      connectWs(t, server.socket('/chat'), { perMessageDeflate: offer }),
    ),
  );
  for (const listener of listeners) {
    listener.sendText('@nobody ready');
    assert.equal(await listener.next(), '@nobody ready');
  }
  const text = TEXT.slice(0, 10_000);
  listeners[1].sendText(text);
  for (const listener of listeners) {
    assert.ok((await listener.next()) === text);
  }
});
