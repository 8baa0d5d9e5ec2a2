// A STOMP client that people use, against the program's STOMP endpoints.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Versions } from '@stomp/stompjs';

import { Inbox, LIMIT, within } from './support/patience.mjs';
import { Server } from './support/server.mjs';
import * as stomp from './support/stomp.mjs';

const { published, subscribed } = stomp;
const AT_ONCE = 10;
const BODY_BYTES_MAX = 65_536;

let server;
before(async () => {
  server = await Server.start();
});
after(() => server?.stop());

/** A client of the program that all these tests share. */
function connected(t, path, settings) {
  return stomp.connected(t, () => server.socket(path), settings);
}

for (const path of ['/gs-guide-websocket', '/gs-guide-websocket/websocket', '/stomp']) {
  test(`seed_002_a_name_is_greeted_over_stompjs at ${path}`, LIMIT, async (t) => {
    const client = await connected(t, path);
    const greetings = new Inbox();
    client.subscribe('/topic/greetings', (message) => greetings.put(JSON.parse(message.body)));
    client.publish({ destination: '/app/hello', body: JSON.stringify({ name: '<Ada>' }) });
    const greeting = await greetings.take('a greeting');
    assert.deepEqual(greeting, { content: 'Hello, &lt;Ada&gt;!' });
  });
}

test('seed_002_ten_names_at_once_are_all_greeted', LIMIT, async (t) => {
  const client = await connected(t, '/gs-guide-websocket');
  const greetings = new Inbox();
  client.subscribe('/topic/greetings', (message) => greetings.put(JSON.parse(message.body)));
  const names = Array.from({ length: AT_ONCE }, (_, number) => `n${number}`);
  for (const name of names) {
    client.publish({ destination: '/app/hello', body: JSON.stringify({ name }) });
  }
  const greeted = [];
  for (const _ of names) {
    greeted.push((await greetings.take('a greeting')).content);
  }
  assert.deepEqual(greeted.sort(), names.map((name) => `Hello, ${name}!`).sort());
});

for (const version of [Versions.V1_0, Versions.V1_1, Versions.V1_2]) {
  test(`s58_s69_receipts_and_headers_in_stomp_${version}`, LIMIT, async (t) => {
    const client = await connected(t, '/stomp', { stompVersions: new Versions([version]) });
    assert.equal(client.connectedVersion, version);
    const topic = `/topic/js-${version}`;
    const messages = new Inbox();
    const receipts = new Inbox();
    client.watchForReceipt('subscribed', () => receipts.put('subscribed'));
    client.subscribe(topic, (message) => messages.put(message), { receipt: 'subscribed' });
    assert.equal(await receipts.take('a receipt'), 'subscribed');
    client.watchForReceipt('sent', () => receipts.put('sent'));
    // stompjs escapes headers in 1.2 only.
    const note = version === '1.2' ? 'a:b\nd' : 'plain';
    client.publish({ destination: topic, body: '你好 🔔', headers: { note, receipt: 'sent' } });
    assert.equal(await receipts.take('a receipt'), 'sent');
    const message = await messages.take('a message');
    assert.equal(message.body, '你好 🔔');
    assert.equal(message.headers.note, note);
    assert.equal(message.headers.destination, topic);
  });
}

test('s65_binary_bodies_come_back_as_they_are', LIMIT, async (t) => {
  const client = await connected(t, '/stomp');
  const messages = new Inbox();
  client.subscribe('/topic/bytes', (message) => messages.put(message));
  const binaryBody = Uint8Array.from([0, 255, 10, 0, 128]);
  const headers = { 'content-type': 'application/octet-stream' };
  client.publish({ destination: '/topic/bytes', binaryBody, headers });
  const message = await messages.take('a message');
  assert.deepEqual([...message.binaryBody], [...binaryBody]);
});

test('s73_what_is_refused_is_an_error_with_words', LIMIT, async (t) => {
  const client = await connected(t, '/stomp');
  client.publish({ destination: '/nowhere/a', body: 'x' });
  const error = await client.errors.take('an ERROR');
  assert.equal(error.headers.message, 'unknown-destination');
  assert.match(error.body, /\/topic/);
});

test('s66_heart_beats_keep_a_quiet_session', LIMIT, async (t) => {
  const beats = new Inbox();
  const client = await connected(t, '/stomp', {
    heartbeatIncoming: 500,
    heartbeatOutgoing: 500,
    onHeartbeatReceived: () => beats.put('beat'),
    onHeartbeatLost: () => beats.put('lost'),
  });
  for (const _ of Array(4)) {
    assert.equal(await beats.take('a heart-beat'), 'beat');
  }
  assert.equal(client.closes.waiting, 0);
  const { messages } = await subscribed(client, '/topic/alive');
  client.publish({ destination: '/topic/alive', body: 'still here' });
  assert.equal((await messages.take('a message')).body, 'still here');
});

for (const settings of [{}, { splitLargeFrames: true }, { forceBinaryWSFrames: true }]) {
  const how = Object.keys(settings)[0] ?? 'one message';
  test(`s63_s82_a_body_of_64_kib_passes_as ${how}`, LIMIT, async (t) => {
    const client = await connected(t, '/stomp', settings);
    const { messages } = await subscribed(client, '/topic/long');
    const body = 'é'.repeat(BODY_BYTES_MAX / 2);
    await published(client, { destination: '/topic/long', body });
    assert.equal((await messages.take('a message')).body, body);
  });

  test(`s82_one_octet_more_is_too_big_as ${how}`, LIMIT, async (t) => {
    const client = await connected(t, '/stomp', settings);
    client.publish({ destination: '/topic/long', body: 'x'.repeat(BODY_BYTES_MAX + 1) });
    const error = await client.errors.take('an ERROR');
    assert.equal(error.headers.message, 'too-big');
    assert.match(error.body, /65,?536/);
    const { code, reason } = await client.closes.take('the close');
    assert.equal(code, 1009);
    assert.match(String(reason), /^too-big:/);
  });
}

test('s82_a_mebibyte_in_one_message_is_closed_with_1009_and_words', LIMIT, async (t) => {
  const client = await connected(t, '/stomp');
  client.publish({ destination: '/topic/long', body: 'x'.repeat(1 << 20) });
  const { code, reason } = await client.closes.take('the close');
  assert.equal(code, 1009);
  assert.notEqual(String(reason), '');
});

test('s68_s69_what_was_unsubscribed_stays_away', LIMIT, async (t) => {
  const client = await connected(t, '/stomp');
  const [left, right] = ['/topic/left', '/topic/right'];
  const first = await subscribed(client, left);
  const second = await subscribed(client, right);
  await published(client, { destination: left, body: '1' });
  assert.equal((await first.messages.take('a message')).body, '1');
  first.subscription.unsubscribe();
  await published(client, { destination: left, body: '2' });
  await published(client, { destination: right, body: '3' });
  // Publications have one order: what went to the left would have come before this.
  assert.equal((await second.messages.take('a message')).body, '3');
  assert.equal(first.messages.waiting, 0);
});

test('s84_s88_patterns_and_selectors_choose', LIMIT, async (t) => {
  const client = await connected(t, '/stomp');
  const all = await subscribed(client, '/topic/price/*');
  const dear = await subscribed(client, '/topic/price/*', { selector: "kind = 'gold' AND n > 5" });
  for (const [name, kind, n] of [['a', 'gold', 4], ['b', 'tin', 9], ['c', 'gold', 6]]) {
    const headers = { kind, n: String(n) };
    await published(client, { destination: `/topic/price/${name}`, body: name, headers });
  }
  const heard = [];
  for (const _ of ['a', 'b', 'c']) {
    heard.push((await all.messages.take('a message')).body);
  }
  assert.deepEqual(heard, ['a', 'b', 'c']);
  const chosen = await dear.messages.take('a message');
  assert.equal(chosen.body, 'c');
  assert.equal(chosen.headers.destination, '/topic/price/c');
  assert.equal(dear.messages.waiting, 0);
});

test('s116_s117_a_session_is_reached_by_its_id_and_by_nobody_else', LIMIT, async (t) => {
  const [ada, bob] = [await connected(t, '/stomp'), await connected(t, '/stomp')];
  const [adas, bobs] = [
    await subscribed(ada, '/user/queue/notes'),
    await subscribed(bob, '/user/queue/notes'),
  ];
  await published(bob, { destination: `/user/${ada.session}/queue/notes`, body: 'psst' });
  assert.equal((await adas.messages.take('a message')).body, 'psst');
  await published(bob, { destination: `/user/${bob.session}/queue/notes`, body: 'note to self' });
  assert.equal((await bobs.messages.take('a message')).body, 'note to self');
  assert.equal(adas.messages.waiting, 0);
});

test('s75_who_wants_to_go_on_after_an_error_does', LIMIT, async (t) => {
  const client = await connected(t, '/stomp', { connectHeaders: { 'x-errors': 'keep' } });
  client.publish({ destination: '/nowhere/a', body: 'x', headers: { receipt: 'r1' } });
  const error = await client.errors.take('an ERROR');
  assert.equal(error.headers['receipt-id'], 'r1');
  const { messages } = await subscribed(client, '/topic/on');
  await published(client, { destination: '/topic/on', body: 'and on' });
  assert.equal((await messages.take('a message')).body, 'and on');
});

test('s70_a_client_that_leaves_is_closed_cleanly', LIMIT, async (t) => {
  const client = await connected(t, '/gs-guide-websocket');
  await within(client.deactivate(), 'the end of the session');
  const { code } = await client.closes.take('the close');
  assert.equal(code, 1000);
  assert.equal(client.errors.waiting, 0);
});

test('seed_002_clients_come_back_to_a_server_that_was_restarted', LIMIT, async (t) => {
  let current = await Server.start();
  t.after(() => current.stop());
  const greetings = new Inbox();
  const connects = new Inbox();
  const client = await stomp.connected(t, () => current.socket('/gs-guide-websocket'), {
    reconnectDelay: 100,
    onConnect: (frame) => connects.put(frame.headers.session),
  });
  await current.stop();
  assert.equal((await client.closes.take('the close')).code, 1001);
  current = await Server.start();
  await connects.take('the first session');
  await connects.take('the second session');
  client.subscribe('/topic/greetings', (message) => greetings.put(JSON.parse(message.body)));
  client.publish({ destination: '/app/hello', body: JSON.stringify({ name: 'Ada' }) });
  assert.deepEqual(await greetings.take('a greeting'), { content: 'Hello, Ada!' });
});
