// `/events` in the hands of those who listen: EventSource, fetch and WebSocket in Chromium, and curl.
// All get the same publications with the same ids as a STOMP client, and lose none when they are cut.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { launch, openPage } from './support/browser.mjs';
import { Cutter, random } from './support/cutter.mjs';
import { serveElsewhere } from './support/elsewhere.mjs';
import {
  Curl,
  IN_PAGES,
  allSubscribed,
  listenEachWay,
  listenIn,
  sights,
} from './support/listening.mjs';
import { LIMIT, eventually } from './support/patience.mjs';
import { Server } from './support/server.mjs';
import { connected, published, subscribed } from './support/stomp.mjs';

const CUTS = 50;
// 200 messages a second: ten at a time.
const AT_A_TIME = 10;
const TICK_MILLISECONDS = 50;
// The publisher waits for whoever is further behind, since the history is bounded.
const AHEAD_MAX = 500;
const SEED = Number(process.env.CAMPANILE_SEED ?? 20_262);
/** More than the longest head of an answer. */
const HEAD_BYTES_MAX = 700;
const EMPTY_PAGE = '<!DOCTYPE html><title>empty</title>';

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

/**
 * After how many bytes of the server connections are cut: a quarter of them in the head or in what
 * follows it at once, the others in the replay or in what comes live. The first one lives until it
 * has subscribed: what is published before that is promised to nobody.
 */
function budgets(seed, least) {
  const next = random(seed);
  const others = Array.from({ length: CUTS - 1 }, () =>
    Math.floor(least + (next() < 0.25 ? next() * 600 : 600 + next() * 9_000)),
  );
  return [5_000, ...others];
}

/** EventSource waits for as long as it is told to; two seconds fifty times would be long. */
function hurried(bytes) {
  return Buffer.from(bytes.toString('latin1').replace('retry: 2000\n', 'retry: 0020\n'), 'latin1');
}

test('s98_events_cut_fifty_times_each_way_gets_each_message_once', LIMIT, async (t) => {
  t.diagnostic(`CAMPANILE_SEED=${SEED}`);
  const topic = '/topic/cut-each-way';
  const query = `destination=${topic}`;
  const cutters = {};
  for (const [index, way] of [...IN_PAGES, 'curl'].entries()) {
    // Chromium takes an answer whose head has ended early for whole, and EventSource gives up then.
    const isOwn = way === 'EventSource';
    const cuts = budgets(SEED + index, isOwn ? HEAD_BYTES_MAX : 1);
    cutters[way] = await Cutter.start(t, server.host, cuts, isOwn ? hurried : undefined);
  }
  const page = await openPage(t, browser);
  await page.goto(await serveElsewhere(t, EMPTY_PAGE));
  const reached = Object.fromEntries(IN_PAGES.map((way) => [way, 0]));
  await page.exposeFunction('tell', (way, count) => {
    reached[way] = count;
  });
  await page.evaluate(() => {
    window.reached = (way, count) => count % 25 === 0 && window.tell(way, count);
  });
  const { curl: forCurl, ...inPage } = cutters;
  const servers = Object.entries(inPage).map(([way, { host }]) => [way, `http://${host}`]);
  await listenIn(page, Object.fromEntries(servers), query);
  const curl = Curl.start(t, forCurl.host, query);
  await allSubscribed(page);
  await eventually(() => assert.ok(curl.cursor !== undefined));

  const client = await connected(t, () => server.socket('/stomp'));
  const { messages } = await subscribed(client, topic);
  let last = 0;
  while (Object.values(cutters).some(({ cuts }) => cuts < CUTS)) {
    const slowest = Math.min(curl.messages.length, ...Object.values(reached));
    for (let count = 0; count < AT_A_TIME && last - slowest < AHEAD_MAX; count += 1) {
      last += 1;
      client.publish({ destination: topic, body: `${last}` });
    }
    await new Promise((resolve) => setTimeout(resolve, TICK_MILLISECONDS));
    assert.ok(client.connected, 'the publisher stays connected');
  }
  last += 1;
  await published(client, { destination: topic, body: `${last}` });
  const wanted = [];
  while (wanted.length < last) {
    const message = await messages.take('a message of the STOMP client');
    wanted.push([message.headers['message-id'], message.body]);
  }
  await eventually(() => assert.equal(curl.messages.at(-1).data, `${last}`));
  await page.waitForFunction(
    (end) => Object.values(window.seen).every((sight) => sight.messages.at(-1).data === end),
    `${last}`,
  );
  const seen = { ...(await sights(page)), curl };
  for (const [way, { messages: came, subscribed: told, gaps, problems }] of Object.entries(seen)) {
    assert.deepEqual(came.map(({ id, data }) => [id, data]), wanted, way);
    assert.deepEqual(gaps, [], way);
    assert.deepEqual(problems ?? [], [], way);
    const [first, ...resumed] = told;
    assert.equal(first.recovered, undefined, way);
    assert.ok(resumed.every(({ recovered }) => recovered), way);
    // Polls say it each time; what is kept of them is the first and what is not recovered.
    assert.ok(way === 'long poll' ? resumed.length === 0 : resumed.length > CUTS / 4, way);
  }
});

/** What is published: each with a content type, text or bytes, and headers of one's own. */
const PUBLISHED = [
  ['text/plain', 'plain', {}],
  ['application/json', '{"stays":"text"}', {}],
  ['text/plain', '', {}],
  ['text/plain', 'a\n\nevent: close\r\ndata: x\n:\nid: 1', {}],
  ['text/plain', '\u2028\u2029\0\ufeff %41 </script> 😀 "\\', { note: 'ä:b\\c\nd', other: '' }],
  ['application/octet-stream', Uint8Array.from([0, 255, 10, 13, 128]), { kind: 'bytes' }],
];

test('events_each_way_gets_the_same_records', LIMIT, async (t) => {
  const page = await openPage(t, browser);
  await page.goto(await serveElsewhere(t, EMPTY_PAGE));
  // What two of them match comes once.
  const query = ['/topic/ways.*', '/topic/ways.b', '/topic/**.b']
    .map((destination) => `destination=${encodeURIComponent(destination)}`)
    .join('&');
  await listenEachWay(page, server.http(''), query);
  const curl = Curl.start(t, server.host, query);
  await allSubscribed(page);
  await eventually(() => assert.ok(curl.cursor !== undefined));
  const client = await connected(t, () => server.socket('/stomp'));
  const { messages } = await subscribed(client, '/topic/ways.*');
  const wanted = [];
  for (const [index, [type, body, headers]] of PUBLISHED.entries()) {
    const destination = `/topic/ways.${'ab'[index % 2]}`;
    const isText = typeof body === 'string';
    await published(client, {
      destination,
      ...(isText ? { body } : { binaryBody: body }),
      headers: { 'content-type': type, ...headers },
    });
    const { headers: came } = await messages.take('a message of the STOMP client');
    wanted.push({
      id: came['message-id'],
      destination,
      contentType: type,
      ...(isText ? { data: body } : { dataBase64: Buffer.from(body).toString('base64') }),
      ...(Object.keys(headers).length > 0 && { headers }),
    });
  }
  await page.waitForFunction(
    (count) => Object.values(window.seen).every((sight) => sight.messages.length >= count),
    wanted.length,
  );
  await eventually(() => assert.equal(curl.messages.length, wanted.length));
  const times = curl.messages.map(({ time }) => time);
  times.forEach((time) => assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/));
  for (const [way, sight] of Object.entries({ ...(await sights(page)), curl })) {
    assert.deepEqual(sight.problems ?? [], [], way);
    const withTimes = wanted.map((record, index) => ({ ...record, time: times[index] }));
    assert.deepEqual(sight.messages, withTimes, way);
  }
});
