// Four ways to listen, side by side on the page about the protocol: what each asks, gets and costs.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { inState, launch, openPage, overhang, watch } from './support/browser.mjs';
import { LIMIT, eventually } from './support/patience.mjs';
import { Relay } from './support/relay.mjs';
import { Server } from './support/server.mjs';
import { connected, published } from './support/stomp.mjs';

const PATH = '/demo/protocol';
const TOPIC = '/topic/demo/ways';
const WAYS = ['polling', 'long-polling', 'sse', 'websocket'];

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

/** Opens the page, watched; `asked` are the addresses under `/events` that it asks for. */
async function visit(t, options) {
  const page = await openPage(t, browser, options);
  const watched = await watch(page, server.host);
  const asked = [];
  const note = (url) => url.includes('/events?') && asked.push(url);
  page.on('request', (request) => note(request.url()));
  page.on('websocket', (socket) => note(socket.url()));
  await page.goto(server.http(PATH));
  await page.locator('#way-websocket').waitFor();
  return { page, asked, ...watched };
}

/** A figure of a way as it is shown. */
function shown(page, way, name) {
  return page.textContent(`#way-${way}-${name}`);
}

async function figure(page, way, name) {
  return Number((await shown(page, way, name)).replace(/[, B]|ms/g, ''));
}

/** Waits until a way has got exactly as many messages. */
async function hasMessages(page, way, count) {
  await eventually(async () => assert.equal(await figure(page, way, 'messages'), count, way));
}

async function startAll(page) {
  await page.click('#ways-start');
  for (const way of WAYS) {
    await inState(page, `way-${way}-state`, 'open');
  }
}

test('seed_003_nothing_is_asked_for_until_a_way_is_started', LIMIT, async (t) => {
  const { page, asked, assertQuiet } = await visit(t);
  await page.locator('#handshake-received li').first().waitFor();
  assert.deepEqual(asked, []);
  for (const way of WAYS) {
    assert.equal(await figure(page, way, 'requests'), 0);
    assert.equal(await shown(page, way, 'state'), 'Not started');
    assert.equal(await shown(page, way, 'mean'), '–');
  }
  // Each by itself, and it asks what it says that it asks.
  for (const [way, address] of [
    ['polling', `http://${server.host}/events?destination=${TOPIC}&wait=0`],
    ['long-polling', `http://${server.host}/events?wait=0&destination=${TOPIC}`],
    ['sse', `http://${server.host}/events?destination=${TOPIC}`],
    ['websocket', `ws://${server.host}/events?destination=${TOPIC}`],
  ]) {
    asked.length = 0;
    await page.click(`#way-${way}-start`);
    await inState(page, `way-${way}-state`, 'open');
    assert.equal(asked[0], address);
    await page.locator(`#way-${way}-stop:focus`).waitFor();
    await page.click(`#way-${way}-stop`);
    await inState(page, `way-${way}-state`, 'closed');
    await page.locator(`#way-${way}-start:focus`).waitFor();
  }
  assertQuiet();
});

test('seed_003_all_four_ways_get_what_is_published_and_show_its_cost', LIMIT, async (t) => {
  const { page, asked, assertQuiet } = await visit(t);
  await startAll(page);
  for (let count = 1; count <= 3; count += 1) {
    await page.click('#ways-one');
    for (const way of WAYS) {
      await hasMessages(page, way, count);
    }
  }
  await page.locator('#ways-published').getByText('Published 3.', { exact: true }).waitFor();
  for (const way of WAYS) {
    assert.ok((await figure(page, way, 'received')) > 0, way);
    assert.match(await shown(page, way, 'each'), /^[\d,]+ B$/);
    assert.match(await shown(page, way, 'mean'), /^\d+ ms$/);
    assert.ok((await figure(page, way, 'worst')) >= (await figure(page, way, 'mean')), way);
  }
  // One request each for what stays open; whoever asks again asks at least once a message.
  assert.equal(await figure(page, 'sse', 'requests'), 1);
  assert.equal(await figure(page, 'websocket', 'requests'), 1);
  assert.ok((await figure(page, 'long-polling', 'requests')) >= 4);
  assert.ok((await figure(page, 'polling', 'requests')) >= 3);
  // They go on from where they were.
  assert.ok(asked.some((url) => /wait=20&destination=.*&after=/.test(url)), asked.join('\n'));
  assert.ok(asked.some((url) => /&wait=0&after=/.test(url)), asked.join('\n'));
  // Polling costs when nothing happens, too.
  const [requests, bytes] = await Promise.all(
    ['requests', 'received'].map((name) => figure(page, 'polling', name)),
  );
  await eventually(async () => {
    assert.ok((await figure(page, 'polling', 'requests')) > requests);
    assert.ok((await figure(page, 'polling', 'received')) > bytes);
  });
  assert.equal(await figure(page, 'sse', 'requests'), 1);
  const widths = await page.$$eval('.way .bar span', (all) => all.map((bar) => bar.style.width));
  assert.ok(widths.includes('100%'), widths.join());

  await page.click('#ways-reset');
  for (const way of WAYS) {
    assert.equal(await figure(page, way, 'messages'), 0);
  }
  await page.click('#ways-stop');
  for (const way of WAYS) {
    await inState(page, `way-${way}-state`, 'closed');
  }
  asked.length = 0;
  await page.click('#ways-one');
  await page.locator('#ways-published').getByText('Published 4.', { exact: true }).waitFor();
  assert.equal(await figure(page, 'websocket', 'messages'), 0);
  assert.deepEqual(asked, []);
  assertQuiet();
});

test('seed_003_a_hundred_messages_arrive_by_each_way', LIMIT, async (t) => {
  const { page, assertQuiet } = await visit(t, { locale: 'zh-CN' });
  await startAll(page);
  await page.click('#ways-burst');
  await page.locator('#ways-burst:disabled').waitFor();
  await page.locator('#ways-published').getByText('已发布 100 条。', { exact: true }).waitFor();
  assert.ok(await page.isEnabled('#ways-burst'));
  for (const way of WAYS) {
    await hasMessages(page, way, 100);
  }
  // Polling fetched many at a time, long polling not more than it was asked for.
  assert.ok((await figure(page, 'polling', 'requests')) < 100);
  assert.equal(await figure(page, 'websocket', 'requests'), 1);
  assertQuiet();
});

test('seed_003_messages_of_others_count_but_have_no_latency', LIMIT, async (t) => {
  const { page, assertQuiet } = await visit(t);
  await startAll(page);
  const client = await connected(t, () => server.socket('/stomp'));
  const bodies = ['no JSON', 'null', '{"page":1}', JSON.stringify({ page: 'other', at: 1 })];
  for (const body of bodies) {
    await published(client, { destination: TOPIC, body });
  }
  for (const way of WAYS) {
    await hasMessages(page, way, bodies.length);
    assert.equal(await shown(page, way, 'mean'), '–');
    assert.equal(await shown(page, way, 'worst'), '–');
  }
  assertQuiet();
});

test('seed_003_a_page_that_is_out_of_sight_asks_for_nothing', LIMIT, async (t) => {
  const { page, asked, assertQuiet } = await visit(t);
  await startAll(page);
  await page.click('#ways-burst');
  await page.locator('#ways-published').getByText(/^Published/).waitFor();
  // Headless browsers show every page: this one is told otherwise.
  await page.evaluate(() => {
    Object.defineProperty(document, 'hidden', { value: true, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
  });
  for (const way of WAYS) {
    await inState(page, `way-${way}-state`, 'closed');
  }
  assert.ok(await page.isEnabled('#ways-burst'));
  asked.length = 0;
  const client = await connected(t, () => server.socket('/stomp'));
  const before = await Promise.all(WAYS.map((way) => figure(page, way, 'messages')));
  await published(client, { destination: TOPIC, body: 'unseen' });
  assert.deepEqual(asked, []);
  const then = await Promise.all(WAYS.map((way) => figure(page, way, 'messages')));
  assert.deepEqual(then, before);
  assertQuiet();
});

test('seed_003_the_ways_come_back_when_the_server_does', LIMIT, async (t) => {
  let current = await Server.start();
  t.after(() => current.stop());
  const relay = await Relay.start(t, current.host);
  const page = await openPage(t, browser);
  await page.goto(`http://${relay.host}${PATH}`);
  await startAll(page);
  await page.click('#ways-one');
  for (const way of WAYS) {
    await hasMessages(page, way, 1);
  }
  relay.target = null;
  await current.stop();
  for (const way of WAYS) {
    await inState(page, `way-${way}-state`, 'waiting');
  }
  current = await Server.start();
  relay.target = current.host;
  await page.click('#way-long-polling-start'); // for those who do not want to wait
  for (const way of WAYS) {
    await inState(page, `way-${way}-state`, 'open');
  }
  await page.click('#ways-one');
  for (const way of WAYS) {
    await hasMessages(page, way, 2);
  }
});

test('seed_003_without_stompjs_the_ways_listen_all_the_same', LIMIT, async (t) => {
  const page = await openPage(t, browser);
  await page.route('**/assets/stomp.umd.min.js', (route) => route.fulfill({ status: 404 }));
  await page.goto(server.http(PATH));
  await page.locator('#ways-problem').getByText('built without stompjs').waitFor();
  assert.ok(await page.isDisabled('#ways-one'));
  assert.ok(await page.isDisabled('#ways-burst'));
  await startAll(page);
  const client = await connected(t, () => server.socket('/stomp'));
  await published(client, { destination: TOPIC, body: 'from elsewhere' });
  for (const way of WAYS) {
    await hasMessages(page, way, 1);
  }
});

test('seed_003_the_ways_fit_a_phone_and_follow_the_language', LIMIT, async (t) => {
  const phone = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };
  const { page, assertQuiet } = await visit(t, phone);
  await startAll(page);
  await page.click('#ways-one');
  for (const way of WAYS) {
    await hasMessages(page, way, 1);
  }
  assert.equal(await overhang(page), 0);
  await page.click('#language-toggle');
  await page.locator('#way-sse-state').getByText('正在收听').waitFor();
  await page.locator('#way-polling-name').getByText('轮询').waitFor();
  await page.locator('#ways-published').getByText('已发布 1 条。').waitFor();
  assert.equal(await overhang(page), 0);
  assertQuiet();
});
