// SockJS and `/events` over one connection of HTTP/2, where a page may have many streams at once.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { launch, openPage } from './support/browser.mjs';
import { allSubscribed, listenEachWay, sights } from './support/listening.mjs';
import { LIMIT, eventually } from './support/patience.mjs';
import { Server } from './support/server.mjs';
import {
  IN_CHROMIUM,
  LIBRARY,
  LONG_TEXT,
  addScripts,
  assertTale,
  awkwardMessages,
  tale,
} from './support/sockjs.mjs';

/** Several times as many as a browser has connections for a server that speaks HTTP/1.1. */
const STREAMS = 30;

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

async function start(t) {
  const server = await Server.start({ more: ['--dev-tls'] });
  t.after(() => server.stop());
  return server;
}

/** A page of the server's own origin; its certificate is one that the program has made itself. */
async function openOwnPage(t, server) {
  const page = await openPage(t, browser, { ignoreHTTPSErrors: true });
  await page.goto(`https://${server.host}/echo`);
  return page;
}

/** The protocols by which the resources of a page have come; what was abandoned has none. */
function protocols(page) {
  return page.evaluate(() => {
    const entries = performance.getEntriesByType('resource');
    return [...new Set(entries.map(({ nextHopProtocol }) => nextHopProtocol))].filter(Boolean);
  });
}

for (const transport of IN_CHROMIUM) {
  test(`s39_s40_s41_s42_s43_over_http_2 ${transport}`, LIMIT, async (t) => {
    const server = await start(t);
    const page = await openOwnPage(t, server);
    await addScripts(page, [LIBRARY]);
    const origin = `https://${server.host}`;
    const messages = JSON.stringify(awkwardMessages());
    assertTale(await page.evaluate(tale, [origin, transport, messages, LONG_TEXT]), transport);
    // What frames have fetched is not told here: of those transports it is `/info` only.
    assert.deepEqual(await protocols(page), ['h2']);
  });
}

test('events_over_http_2_a_page_has_many_streams_at_once', LIMIT, async (t) => {
  const server = await start(t);
  const page = await openOwnPage(t, server);
  const topic = '/topic/many-streams';
  await page.evaluate(
    async ([url, count]) => {
      window.heard = Array.from({ length: count }, () => []);
      const opened = window.heard.map(
        (heard) =>
          new Promise((resolve) => {
            const source = new EventSource(url);
            source.addEventListener('subscribed', resolve);
            source.onmessage = ({ data }) => heard.push(JSON.parse(data).data);
          }),
      );
      await Promise.all(opened);
    },
    [`/events?destination=${topic}`, STREAMS],
  );
  await page.evaluate(
    ([url, destination]) =>
      new Promise((resolve) => {
        const socket = new WebSocket(url);
        const send = (head, body = '') => socket.send(`${head}\n\n${body}\0`);
        socket.onopen = () => send('CONNECT\naccept-version:1.2\nhost:x');
        socket.onmessage = () => {
          send(`SEND\ndestination:${destination}`, 'hello');
          resolve();
        };
      }),
    [`wss://${server.host}/stomp`, topic],
  );
  await page.waitForFunction(() => window.heard.every(({ length }) => length > 0));
  const heard = await page.evaluate(() => window.heard);
  assert.deepEqual(heard, Array.from({ length: STREAMS }, () => ['hello']));
});

test('events_over_http_2_sigterm_is_told_each_way', LIMIT, async (t) => {
  const server = await start(t);
  const page = await openOwnPage(t, server);
  await listenEachWay(page, `https://${server.host}`, 'destination=/topic/leaving');
  await allSubscribed(page);
  server.terminate();
  await eventually(async () => {
    for (const [way, { closes, problems }] of Object.entries(await sights(page))) {
      assert.deepEqual(problems, [], way);
      assert.equal(closes.length, 1, way);
      assert.equal(closes[0].code, 1001, way);
    }
  });
  assert.deepEqual(await server.ended(), { code: 0, signal: null });
});
