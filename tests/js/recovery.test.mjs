// Connections that are cut, in a real browser: what was missed is replayed, by the npm package and
// the program together.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';

import { Client } from '@stomp/stompjs';
import { WebSocket } from 'ws';

import { recovering } from '../../packages/stompjs-recovery/index.js';
import { inState, launch, openPage, watch } from './support/browser.mjs';
import { Cutter, random } from './support/cutter.mjs';
import { serveElsewhere } from './support/elsewhere.mjs';
import { Inbox, LIMIT, eventually } from './support/patience.mjs';
import { Relay } from './support/relay.mjs';
import { Server } from './support/server.mjs';
import { connected, published } from './support/stomp.mjs';

const PATH = '/demo/recovery';
const STATE = 'recovery-state';
const MODULE = '/assets/stompjs-recovery.js';
const CUTS = 50;
// 200 messages a second: ten at a time.
const AT_A_TIME = 10;
const TICK_MILLISECONDS = 50;
// The publisher waits for a page that is further behind, since the history is bounded.
const AHEAD_MAX = 500;
const SEED = Number(process.env.CAMPANILE_SEED ?? 20_261);

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
 * After how many bytes of the server connections are cut: a quarter of them in the handshake, in
 * CONNECTED or in the RECEIPT, the others in the replay or in what comes live. The first one lives
 * until it has its RECEIPT: what is published before that is promised to nobody.
 */
function budgets(seed) {
  const next = random(seed);
  const others = Array.from({ length: CUTS - 1 }, () =>
    Math.floor(next() < 0.25 ? 1 + next() * 600 : 600 + next() * 12_000),
  );
  return [5_000, ...others];
}

/** Runs in the page: subscribes, and keeps what comes. */
async function listen([brokerURL, module, topic]) {
  const { recovering: recoveringThere } = await import(module);
  const seen = { numbers: [], resumed: [], gaps: [] };
  const client = new window.StompJs.Client({ brokerURL, reconnectDelay: 20 });
  const keep = ({ body }) => {
    seen.numbers.push(Number(body));
    if (seen.numbers.length % 25 === 0) {
      window.reachedNumber(Number(body));
    }
  };
  window.seen = seen;
  window.subscription = recoveringThere(client).subscribe(topic, keep, {
    onRecovered: ({ recovered }) => seen.resumed.push(recovered),
    onGap: (gap) => seen.gaps.push(gap),
  });
  client.activate();
}

test('s98_cut_fifty_times_a_page_gets_each_message_once_and_in_order', LIMIT, async (t) => {
  t.diagnostic(`CAMPANILE_SEED=${SEED}`);
  const topic = '/topic/cut-fifty-times';
  const cutter = await Cutter.start(t, server.host, budgets(SEED));
  const page = await openPage(t, browser);
  await page.goto(await serveElsewhere(t, '<!DOCTYPE html><title>empty</title>'));
  await page.addScriptTag({ url: server.http('/assets/stomp.umd.min.js') });
  let reached = 0;
  await page.exposeFunction('reachedNumber', (number) => {
    reached = number;
  });
  await page.evaluate(listen, [`ws://${cutter.host}/stomp`, server.http(MODULE), topic]);
  await page.waitForFunction(() => window.subscription.cursor !== undefined);

  const client = await connected(t, () => server.socket('/stomp'));
  let last = 0;
  while (cutter.cuts < CUTS) {
    if (last - reached < AHEAD_MAX) {
      for (let count = 0; count < AT_A_TIME; count += 1) {
        last += 1;
        client.publish({ destination: topic, body: `${last}` });
      }
    }
    await new Promise((resolve) => setTimeout(resolve, TICK_MILLISECONDS));
    assert.ok(client.connected, 'the publisher stays connected');
  }
  last += 1;
  await published(client, { destination: topic, body: `${last}` });
  await page.waitForFunction((end) => window.seen.numbers.at(-1) === end, last);
  const { numbers, resumed, gaps } = await page.evaluate(() => window.seen);
  assert.deepEqual(numbers, Array.from({ length: last }, (_, index) => index + 1));
  assert.deepEqual(gaps, []);
  assert.ok(resumed.length > CUTS / 4, `${resumed.length} times`);
  assert.ok(resumed.every((recovered) => recovered));
});

test('s98_a_pattern_and_a_topic_recover_and_a_queue_goes_on', LIMIT, async (t) => {
  const publisher = await connected(t, () => server.socket('/stomp'));
  const seen = new Inbox();
  const client = new Client({
    webSocketFactory: () => new WebSocket(server.socket('/stomp'), ['v12.stomp']),
    reconnectDelay: 1,
    discardWebsocketOnCommFailure: true,
  });
  t.after(() => client.deactivate({ force: true }));
  const subscribe = (destination, name) =>
    recovering(client).subscribe(destination, ({ body }) => seen.put(`${name} ${body}`), {
      onRecovered: ({ recovered }) => seen.put(`${name} ${recovered}`),
    });
  const pattern = subscribe('/topic/recovers.*', 'pattern');
  const topic = subscribe('/topic/recovers.b', 'topic');
  let acknowledged = 0;
  const work = (message) => {
    acknowledged += 1;
    client.watchForReceipt(`ack-${acknowledged}`, () => seen.put(`queue ${message.body}`));
    message.ack({ receipt: `ack-${acknowledged}` });
  };
  recovering(client).subscribe('/queue/recovers', work, { headers: { ack: 'client-individual' } });
  client.activate();
  await eventually(() => assert.ok(pattern.cursor && topic.cursor));
  const send = (destination, body) => published(publisher, { destination, body });
  /** The next `count` that come, sorted, since subscriptions do not wait for each other. */
  const next = async (count) => {
    const items = [];
    while (items.length < count) {
      items.push(await seen.take(`${count} items after ${items.join(', ')}`));
    }
    return items.sort();
  };
  await send('/queue/recovers', '1');
  await send('/topic/recovers.a', '2');
  assert.deepEqual(await next(2), ['pattern 2', 'queue 1']);
  for (const round of ['x', 'y']) {
    client.forceDisconnect();
    await send('/topic/recovers.a', round);
    await send('/topic/recovers.b', round);
    await send('/queue/recovers', round);
    assert.deepEqual(await next(6), [
      'pattern true',
      `pattern ${round}`,
      `pattern ${round}`,
      `queue ${round}`,
      'topic true',
      `topic ${round}`,
    ]);
  }
  assert.equal(seen.waiting, 0);
});

test('s98_the_program_serves_the_package_to_pages_from_elsewhere', async () => {
  const answer = await fetch(server.http(MODULE));
  assert.equal(answer.status, 200);
  assert.match(answer.headers.get('content-type'), /^text\/javascript/);
  assert.equal(answer.headers.get('access-control-allow-origin'), '*');
  const file = new URL('../../packages/stompjs-recovery/index.js', import.meta.url);
  assert.equal(await answer.text(), await readFile(file, 'utf8'));
});

/** The numbers that the page shows, by their names. */
async function counts(page) {
  const names = ['published', 'arrived', 'replayed', 'twice', 'disordered', 'lost', 'told', 'cuts'];
  const texts = await page.evaluate(
    (all) => all.map((name) => document.getElementById(`recovery-${name}`).textContent),
    names,
  );
  return Object.fromEntries(names.map((name, index) => [name, Number(texts[index])]));
}

/** Pauses the publisher and waits until nothing is on its way any more; gives the counts. */
async function atRest(page) {
  await page.selectOption('#recovery-rate', '0');
  let rest;
  await eventually(async () => {
    rest = await counts(page);
    assert.equal(rest.arrived + rest.told, rest.published);
  });
  return rest;
}

test('s98_on_the_demo_page_cuts_lose_nothing', LIMIT, async (t) => {
  const page = await openPage(t, browser);
  const { assertQuiet } = await watch(page, server.host);
  await page.goto(server.http(PATH));
  await inState(page, STATE, 'open');
  await eventually(async () => assert.ok((await counts(page)).arrived > 0));
  await page.click('#recovery-cut');
  const frames = page.locator('#frames-log > li .data');
  await frames.getByText('recovered:true').first().waitFor();
  await frames.getByText(/^after:/m).first().waitFor();
  await page.click('#recovery-cut-many');
  await eventually(async () => assert.equal((await counts(page)).cuts, 11));
  await inState(page, STATE, 'open');
  const { published: sent, ...rest } = await atRest(page);
  assert.ok(rest.replayed > 0);
  assert.deepEqual(
    { ...rest, replayed: 1 },
    { arrived: sent, replayed: 1, twice: 0, disordered: 0, lost: 0, told: 0, cuts: 11 },
  );
  await page.locator('#recovery-verdict').getByText('Every message exactly once').waitFor();
  assert.match(await page.locator('#recovery-cursor').textContent(), /^[0-9a-f]+-\d+$/);

  // Whoever leaves and comes back later misses nothing either.
  await page.click('#recovery-disconnect');
  await inState(page, STATE, 'closed');
  await page.selectOption('#recovery-rate', '50');
  await eventually(async () => assert.ok((await counts(page)).published > sent));
  await page.click('#recovery-connect');
  await inState(page, STATE, 'open');
  const end = await atRest(page);
  assert.deepEqual([end.twice, end.disordered, end.lost, end.told], [0, 0, 0, 0]);
  assertQuiet();
});

test('s98_the_demo_page_is_told_when_the_server_has_forgotten', LIMIT, async (t) => {
  let current = await Server.start();
  t.after(() => current.stop());
  const relay = await Relay.start(t, current.host);
  const page = await openPage(t, browser);
  await page.goto(`http://${relay.host}${PATH}`);
  await inState(page, STATE, 'open');
  await eventually(async () => assert.ok((await counts(page)).arrived > 0));
  relay.target = null;
  await current.stop();
  await inState(page, STATE, 'waiting');
  current = await Server.start();
  relay.target = current.host;
  await inState(page, STATE, 'open');
  await page.locator('#frames-log').getByText('Not recovered').waitFor();
  const { arrived } = await counts(page);
  await eventually(async () => assert.ok((await counts(page)).arrived > arrived));
  const { twice, disordered, lost } = await counts(page);
  assert.deepEqual([twice, disordered, lost], [0, 0, 0]);
});

test('s98_the_demo_page_counts_what_must_not_happen', async (t) => {
  const { Board, CELLS } = await import('../../crates/server/pages/recovery-board.js');
  globalThis.document = { createElement: () => ({ className: '' }) };
  t.after(() => delete globalThis.document);
  const board = new Board({ replaceChildren() {} });
  const kinds = (...numbers) => numbers.map((number) => board.cells[number - 1].className);
  const publish = (end) => {
    while (board.published < end) {
      board.publishes(board.published + 1);
    }
  };
  publish(12);
  for (const [number, replayed] of [[1, false], [2, true], [2, false], [5, false], [4, false]]) {
    board.arrives(number, replayed);
  }
  board.tellsGap();
  board.arrives(8, false);
  board.isUnsureOf(9, 10);
  board.arrives(12, false);
  assert.deepEqual(board.counts, {
    arrived: 6,
    replayed: 1,
    twice: 1,
    disordered: 1,
    lost: 2,
    told: 2,
    unsent: 2,
  });
  assert.deepEqual(
    kinds(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13),
    ['live', 'replayed', 'lost', 'live', 'live', 'told', 'told', 'live']
      .concat(['unsent', 'unsent', 'lost', 'live', '']),
  );
  // The cells of old numbers are those of new ones.
  publish(CELLS + 2);
  board.arrives(13, false);
  assert.deepEqual(kinds(2, 3, 13), ['sent', '', '']);
});

test('s98_the_code_to_paste_works_on_a_page_of_ones_own', LIMIT, async (t) => {
  const page = await openPage(t, browser);
  await page.goto(server.http(PATH));
  const code = await page.locator('#own-code').textContent();
  const own = await openPage(t, browser);
  const said = new Inbox();
  own.on('console', (message) => said.put(message.text()));
  await own.goto(await serveElsewhere(t, `<!DOCTYPE html>${code}`));
  const client = await connected(t, () => server.socket('/stomp'));
  // It has subscribed once something comes.
  await eventually(async () => {
    await published(client, { destination: '/topic/greetings', body: 'hello' });
    assert.ok(said.waiting > 0);
  });
  assert.equal(await said.take('a greeting'), 'hello');
});

test('s98_a_program_without_stompjs_says_how_to_get_it', LIMIT, async (t) => {
  const page = await openPage(t, browser);
  await page.route('**/assets/stomp.umd.min.js', (route) => route.fulfill({ status: 404 }));
  await page.goto(server.http(PATH));
  await page.locator('#library-missing').getByText('stompjs is not in this program').waitFor();
  assert.ok(await page.isDisabled('#recovery-connect'));
});
