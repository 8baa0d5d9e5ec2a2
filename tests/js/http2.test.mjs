// A browser that opens WebSockets over HTTP/2 (RFC 8441): what both sides say they did.

import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { launch, openPage } from './support/browser.mjs';
import { LIMIT } from './support/patience.mjs';
import { Server } from './support/server.mjs';

let folder;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'campanile-http2-'));
});
after(() => rm(folder, { recursive: true }));

/** Runs in the page: opens a WebSocket, has two texts echoed, one of them long, and closes it. */
async function echoes(path) {
  const socket = new WebSocket(`wss://${location.host}${path}`);
  socket.binaryType = 'arraybuffer';
  const heard = [];
  await new Promise((resolve, reject) => {
    socket.onopen = () => {
      socket.send('over which version?');
      socket.send('long '.repeat(50_000));
      socket.send(new Uint8Array([0, 255, 10]));
    };
    socket.onerror = () => reject(new Error('the WebSocket failed'));
    socket.onmessage = ({ data }) => {
      heard.push(typeof data === 'string' ? `${data.length} ${data.slice(0, 20)}` : data.byteLength);
      if (heard.length === 3) {
        resolve();
      }
    };
  });
  const closed = new Promise((resolve) => {
    socket.onclose = ({ code, wasClean }) => resolve({ code, wasClean });
  });
  socket.close(4000, 'done');
  return { heard, extensions: socket.extensions, ...(await closed) };
}

/**
 * Opens the program's page over https and a WebSocket beside it, and gives what came of it and the
 * heads of HTTP/2 that the browser has written into its log.
 */
async function visit(t, server, name) {
  const file = join(folder, name);
  const browser = await launch([`--log-net-log=${file}`, '--net-log-capture-mode=Everything']);
  t.after(() => browser.close());
  const page = await openPage(t, browser, { ignoreHTTPSErrors: true });
  await page.goto(`https://${server.host}/`);
  const told = await page.evaluate(echoes, '/echo');
  // The log is whole once the browser has ended.
  await browser.close();
  const { constants, events } = JSON.parse(await readFile(file, 'utf8'));
  const heads = (type) =>
    events
      .filter((event) => event.type === constants.logEventTypes[type])
      .map((event) => event.params?.headers ?? []);
  return {
    told,
    asked: heads('HTTP2_SESSION_SEND_HEADERS'),
    answered: heads('HTTP2_SESSION_RECV_HEADERS'),
  };
}

const EXPECTED = {
  heard: ['19 over which version?', '250000 long long long long ', 3],
  code: 4000,
  wasClean: true,
};

test('s2_chromium_opens_its_websocket_over_http_2', LIMIT, async (t) => {
  const server = await Server.start({ more: ['--dev-tls'], log: 'campanile=debug,info' });
  t.after(() => server.stop());
  const { told, asked, answered } = await visit(t, server, 'with.json');
  const { extensions, ...rest } = told;
  assert.deepEqual(rest, EXPECTED);
  assert.match(extensions, /^permessage-deflate/);

  const connects = asked.filter((head) => head.includes(':method: CONNECT'));
  assert.equal(connects.length, 1, JSON.stringify(asked));
  assert.ok(connects[0].includes(':protocol: websocket'), connects[0].join('\n'));
  assert.ok(connects[0].includes(':path: /echo'), connects[0].join('\n'));
  const ours = answered.filter((head) =>
    head.some((line) => line.startsWith('sec-websocket-extensions:')),
  );
  assert.equal(ours.length, 1, JSON.stringify(answered));
  assert.ok(ours[0].includes(':status: 200'), ours[0].join('\n'));
  assert.ok(!ours[0].some((line) => line.startsWith('sec-websocket-accept')), ours[0].join('\n'));
  await server.logged('a WebSocket over HTTP/2', '/echo');
});

test('s2_chromium_uses_http_1_1_where_it_is_switched_off', LIMIT, async (t) => {
  for (const [option, count] of [
    ['--websocket-over-http2', true],
    ['--http2', false],
  ]) {
    const server = await Server.start({ more: ['--dev-tls', option, 'off'] });
    t.after(() => server.stop());
    const { told, asked } = await visit(t, server, `without${option}.json`);
    const { extensions: _, ...rest } = told;
    assert.deepEqual(rest, EXPECTED);
    assert.equal(asked.length > 0, count, option);
    assert.ok(!asked.some((head) => head.includes(':method: CONNECT')), option);
    await server.stop();
  }
});
