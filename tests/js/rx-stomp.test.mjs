// rx-stomp, the client of many Angular applications: watched topics outlive the connection.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { RxStomp, RxStompState } from '@stomp/rx-stomp';
import { filter, firstValueFrom } from 'rxjs';
import { WebSocket } from 'ws';

import { Inbox, LIMIT, within } from './support/patience.mjs';
import { Relay } from './support/relay.mjs';
import { Server } from './support/server.mjs';

let server;
before(async () => {
  server = await Server.start();
});
after(() => server?.stop());

/** A client that is on its way to `host`. */
function activated(t, host) {
  const client = new RxStomp();
  client.configure({
    webSocketFactory: () =>
      new WebSocket(`ws://${host}/gs-guide-websocket`, ['v12.stomp', 'v11.stomp', 'v10.stomp']),
    reconnectDelay: 100,
  });
  t.after(() => client.deactivate({ force: true }));
  client.activate();
  return client;
}

/** Waits until the connection is in a state. */
function inState(client, state) {
  const reached = client.connectionState$.pipe(filter((now) => now === state));
  return within(firstValueFrom(reached), RxStompState[state]);
}

/** What comes to a destination, once the server has taken the subscription. */
async function watched(client, destination) {
  await inState(client, RxStompState.OPEN);
  const messages = new Inbox();
  const subHeaders = { receipt: `watch-${destination}` };
  const taken = new Promise((resolve) => client.watchForReceipt(subHeaders.receipt, resolve));
  const put = (message) => messages.put(message.body);
  client.watch({ destination, subHeaders }).subscribe(put);
  await within(taken, 'the receipt');
  return messages;
}

test('seed_002_rx_stomp_is_greeted_and_gets_receipts', LIMIT, async (t) => {
  const client = activated(t, server.host);
  const greetings = await watched(client, '/topic/greetings');
  const handled = new Promise((resolve) => client.watchForReceipt('hello-1', resolve));
  client.publish({
    destination: '/app/hello',
    body: JSON.stringify({ name: '小明' }),
    headers: { receipt: 'hello-1' },
  });
  assert.equal(await greetings.take('a greeting'), '{"content":"Hello, 小明!"}');
  await within(handled, 'the receipt');
});

test('s73_rx_stomp_is_told_what_is_refused_and_comes_back', LIMIT, async (t) => {
  const client = activated(t, server.host);
  await inState(client, RxStompState.OPEN);
  const refused = firstValueFrom(client.stompErrors$);
  const closed = inState(client, RxStompState.CLOSED);
  client.publish({ destination: '/nowhere/a', body: 'x' });
  assert.equal((await within(refused, 'an ERROR')).headers.message, 'unknown-destination');
  await closed;
  await inState(client, RxStompState.OPEN);
});

test('seed_002_what_rx_stomp_watches_goes_on_after_a_restart', LIMIT, async (t) => {
  let current = await Server.start();
  t.after(() => current.stop());
  const relay = await Relay.start(t, current.host);
  const client = activated(t, relay.host);
  const messages = await watched(client, '/topic/news');
  client.publish({ destination: '/topic/news', body: 'before' });
  assert.equal(await messages.take('a message'), 'before');
  const closed = inState(client, RxStompState.CLOSED);
  relay.target = null;
  await current.stop();
  await closed;
  // This waits in the client, and may go out before the topic is subscribed to again.
  client.publish({ destination: '/topic/news', body: 'after' });
  current = await Server.start();
  relay.target = current.host;
  await inState(client, RxStompState.OPEN);
  client.publish({ destination: '/topic/news', body: 'last' });
  const heard = [];
  while (heard.at(-1) !== 'last') {
    heard.push(await messages.take('a message'));
  }
  assert.ok(heard.every((body) => ['after', 'last'].includes(body)), heard.join());
});
