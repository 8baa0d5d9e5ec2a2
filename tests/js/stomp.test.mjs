// A STOMP client that people use, against the program's STOMP endpoints.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Client, Versions } from '@stomp/stompjs';
import { WebSocket } from 'ws';

import { Inbox, LIMIT, within } from './support/patience.mjs';
import { Server } from './support/server.mjs';

const AT_ONCE = 10;

let server;
before(async () => {
  server = await Server.start();
});
after(() => server?.stop());

/** A client that is connected; `errors` holds what the server refused. */
async function connected(t, path, settings = {}) {
  const errors = new Inbox();
  const client = new Client({
    webSocketFactory: () => new WebSocket(server.socket(path), ['v12.stomp', 'v11.stomp']),
    reconnectDelay: 0,
    onStompError: (frame) => errors.put(frame),
    ...settings,
  });
  client.errors = errors;
  t.after(() => client.deactivate({ force: true }));
  const ready = new Promise((resolve) => {
    client.onConnect = resolve;
  });
  client.activate();
  await within(ready, 'CONNECTED');
  return client;
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
  const settings = { heartbeatIncoming: 500, heartbeatOutgoing: 500 };
  const client = await connected(t, '/stomp', settings);
  let hasClosed = false;
  client.onWebSocketClose = () => {
    hasClosed = true;
  };
  // stompjs closes when it misses two of our heart-beats.
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  assert.equal(hasClosed, false);
  const messages = new Inbox();
  client.subscribe('/topic/alive', (message) => messages.put(message.body));
  client.publish({ destination: '/topic/alive', body: 'still here' });
  assert.equal(await messages.take('a message'), 'still here');
});
