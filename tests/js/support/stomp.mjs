// STOMP clients from npm, and a story that those of the older kind go through.

import assert from 'node:assert/strict';

import { Client } from '@stomp/stompjs';
import { WebSocket } from 'ws';

import { Inbox, within } from './patience.mjs';

/**
 * A client of stompjs that is connected to `url()`; `errors` holds what the server refused, `closes`
 * the closes of its WebSockets.
 */
export async function connected(t, url, settings = {}) {
  const errors = new Inbox();
  const closes = new Inbox();
  let ready;
  const client = new Client({
    webSocketFactory: () => new WebSocket(url(), client.stompVersions.protocolVersions()),
    reconnectDelay: 0,
    onStompError: (frame) => errors.put(frame),
    onWebSocketClose: ({ code, reason }) => closes.put({ code, reason }),
    ...settings,
    onConnect: (frame) => {
      client.session = frame.headers.session;
      ready();
      settings.onConnect?.(frame);
    },
  });
  client.errors = errors;
  client.closes = closes;
  t.after(() => client.deactivate({ force: true }));
  const isReady = new Promise((resolve) => {
    ready = resolve;
  });
  client.activate();
  await within(isReady, 'CONNECTED');
  return client;
}

/** Sends, and waits for the receipt. */
export async function published(client, message) {
  const id = `receipt-${(client.sent = (client.sent ?? 0) + 1)}`;
  const came = new Promise((resolve) => client.watchForReceipt(id, resolve));
  client.publish({ ...message, headers: { ...message.headers, receipt: id } });
  await within(came, `the receipt ${id}`);
}

/** Subscribes, and waits for the receipt; gives the inbox of messages and the subscription. */
export async function subscribed(client, destination, headers = {}) {
  const messages = new Inbox();
  const id = `receipt-${(client.sent = (client.sent ?? 0) + 1)}`;
  const came = new Promise((resolve) => client.watchForReceipt(id, resolve));
  const put = (message) => messages.put(message);
  const subscription = client.subscribe(destination, put, { ...headers, receipt: id });
  await within(came, `the receipt ${id}`);
  return { messages, subscription };
}

/**
 * What a client of the kind of stompjs 2 sees: `connect` gives one that is not connected yet, and
 * `bodyFirst` says in which order it takes what it sends. It runs in a browser, too, so it uses
 * nothing from outside. Gives what was seen, for `assertStory`.
 */
export async function story(connect, bodyFirst, topic, long, hasHeartBeats = true) {
  const seen = { receipts: [], messages: [] };
  const waiting = [];
  const came = () => waiting.splice(0).forEach((look) => look());
  const until = (condition) =>
    new Promise((resolve) => {
      const look = () => (condition() ? resolve() : waiting.push(look));
      look();
    });
  const client = await connect();
  client.debug = (words) => {
    if (words === '<<< PONG') {
      seen.pongs = (seen.pongs ?? 0) + 1;
      came();
    }
  };
  client.heartbeat = { outgoing: 10_000, incoming: 500 };
  client.onreceipt = (frame) => {
    seen.receipts.push(frame.headers['receipt-id']);
    came();
  };
  const send = (destination, headers, body) =>
    bodyFirst
      ? client.send(destination, body, headers)
      : client.send(destination, headers, body);
  const isThere = (receipt) => until(() => seen.receipts.includes(receipt));
  const keep = (frame) => {
    seen.messages.push([frame.headers.subscription, frame.headers.note ?? '', frame.body]);
    came();
  };

  await new Promise((resolve, reject) => {
    const connected = (frame) => {
      seen.connected = frame.headers;
      resolve();
    };
    const failed = (frame) => {
      if (frame?.command === 'ERROR') {
        seen.error = [frame.headers.message, frame.body];
      } else {
        seen.closed = true;
      }
      came();
      reject(new Error(`not connected: ${frame}`));
    };
    client.connect({}, connected, failed);
  });
  const greetings = client.subscribe('/topic/greetings', keep, { id: 'g', receipt: 'r-g' });
  client.subscribe(topic, keep, { id: 't', receipt: 'r-t' });
  await isThere('r-g');
  await isThere('r-t');
  send('/app/hello', { receipt: 'r-hello' }, JSON.stringify({ name: '小明 & Co' }));
  await until(() => seen.messages.length === 1);
  await isThere('r-hello');
  send(topic, { note: 'utf-8', receipt: 'r-text' }, '你好 🔔 é');
  await isThere('r-text');
  send(topic, { note: 'long', receipt: 'r-long' }, long);
  await isThere('r-long');
  await until(() => seen.messages.length === 3);
  greetings.unsubscribe();
  send('/topic/greetings', { receipt: 'r-unheard' }, 'nobody listens');
  await isThere('r-unheard');
  send(topic, { note: 'last' }, '');
  await until(() => seen.messages.some(([, note]) => note === 'last'));
  const before = seen.pongs ?? 0;
  await until(() => !hasHeartBeats || (seen.pongs ?? 0) >= before + 2);
  send('/nowhere', {}, 'x');
  await until(() => seen.error && seen.closed);

  const second = await connect();
  second.debug = () => {};
  await new Promise((resolve, reject) => second.connect({}, resolve, reject));
  const clean = new Promise((resolve) => {
    if (second.ws.addEventListener) {
      second.ws.addEventListener('close', (event) => resolve(event.wasClean));
    } else {
      resolve(true); // what stompjs wraps for Node tells no more than that it has closed
    }
  });
  await new Promise((resolve) => second.disconnect(resolve));
  seen.left = await clean;
  return seen;
}

/** A text that these clients send in more than one WebSocket message: they divide at 16 Ki. */
export const LONG = '长é'.repeat(10_000);

/** Checks what a client saw that went through the story. */
export function assertStory(seen, version, topic, long = LONG) {
  assert.equal(seen.connected.version, version);
  assert.match(seen.connected.server, /^campanile\//);
  assert.deepEqual(seen.receipts, ['r-g', 'r-t', 'r-hello', 'r-text', 'r-long', 'r-unheard']);
  const greeting = JSON.stringify({ content: 'Hello, 小明 &amp; Co!' });
  assert.deepEqual(seen.messages, [
    ['g', '', greeting],
    ['t', 'utf-8', '你好 🔔 é'],
    ['t', 'long', long],
    ['t', 'last', ''],
  ]);
  assert.equal(seen.error[0], 'unknown-destination');
  assert.ok(seen.error[1].includes('/nowhere'));
  assert.ok(seen.closed);
  assert.ok(seen.left, topic);
}
