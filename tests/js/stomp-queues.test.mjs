// Queues and transactions as stompjs knows them, in the versions of STOMP that it speaks.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Versions } from '@stomp/stompjs';

import { Inbox, LIMIT } from './support/patience.mjs';
import { Server } from './support/server.mjs';
import * as stomp from './support/stomp.mjs';

const { published, subscribed } = stomp;
const VERSIONS = [Versions.V1_0, Versions.V1_1, Versions.V1_2];
const WITH_NACK = [Versions.V1_1, Versions.V1_2];

let server;
before(async () => {
  server = await Server.start();
});
after(() => server?.stop());

/** A client of the program that speaks this version. */
function connected(t, version, settings = {}) {
  const stompVersions = new Versions([version]);
  return stomp.connected(t, () => server.socket('/stomp'), { stompVersions, ...settings });
}

/** A client that takes messages from a queue, a few at a time. */
async function consumer(t, version, queue, ack, prefetch = 64) {
  const client = await connected(t, version);
  const headers = { ack, 'prefetch-count': String(prefetch) };
  const { messages, subscription } = await subscribed(client, queue, headers);
  return { client, messages, subscription };
}

/** Acknowledges or rejects a message, and waits until the server has done so. */
async function settled(client, message, command, headers = {}) {
  const id = `settled-${(client.settled = (client.settled ?? 0) + 1)}`;
  const receipts = new Inbox();
  client.watchForReceipt(id, () => receipts.put(id));
  message[command]({ ...headers, receipt: id });
  await receipts.take(`the receipt of ${command}`);
}

/** Puts numbered messages into a queue, each with its receipt. */
async function fill(client, queue, count) {
  for (let number = 0; number < count; number += 1) {
    await published(client, { destination: queue, body: String(number) });
  }
}

async function take(messages, count) {
  const taken = [];
  while (taken.length < count) {
    taken.push(await messages.take(`message ${taken.length} of ${count}`));
  }
  return taken;
}

const bodies = (messages) => messages.map((message) => message.body);

/**
 * Checks that these are in the queue still, and nothing else. They may have to come back from a
 * session whose end the server learns of later; a last message comes behind whatever is there. Others
 * who take from the queue must have left.
 */
async function assertLeft(t, queue, expected) {
  const { client, messages } = await consumer(t, Versions.V1_2, queue, 'auto');
  assert.deepEqual(bodies(await take(messages, expected.length)), expected);
  await published(client, { destination: queue, body: 'last' });
  assert.equal((await messages.take('the last message')).body, 'last');
  await client.deactivate();
}

for (const version of VERSIONS) {
  test(`s91_consumers_share_a_queue_in_stomp_${version}`, LIMIT, async (t) => {
    const queue = `/queue/js/share/${version}`;
    const got = [];
    const ended = new Inbox();
    const counts = new Map();
    for (const name of ['ada', 'bob']) {
      const client = await connected(t, version);
      const handle = (message) => {
        got.push(message.body);
        counts.set(name, (counts.get(name) ?? 0) + 1);
        message.ack();
        if (got.length === 40) {
          ended.put(name);
        }
      };
      client.subscribe(queue, handle, { ack: 'client', 'prefetch-count': '1' });
    }
    const producer = await connected(t, version);
    await fill(producer, queue, 40);
    await ended.take('the last of all messages');
    assert.deepEqual(got.map(Number).sort((a, b) => a - b), [...Array(40).keys()]);
    assert.equal(counts.size, 2, 'each has its share');
  });

  test(`s71_what_was_in_flight_when_a_session_is_cut_goes_to_another_in_stomp_${version}`, LIMIT, async (t) => {
    const queue = `/queue/js/cut/${version}`;
    const first = await consumer(t, version, queue, 'client');
    const producer = await connected(t, version);
    await fill(producer, queue, 10);
    const got = await take(first.messages, 10);
    await settled(first.client, got[0], 'ack');
    const second = await consumer(t, version, queue, 'client');
    first.client.webSocket.terminate();
    const again = await take(second.messages, 9);
    assert.deepEqual(bodies(again), ['1', '2', '3', '4', '5', '6', '7', '8', '9']);
    for (const [at, message] of again.entries()) {
      assert.equal(message.headers.redelivered, 'true');
      assert.equal(message.headers['delivery-count'], '2');
      assert.equal(message.headers['message-id'], got[at + 1].headers['message-id']);
      await settled(second.client, message, 'ack');
    }
    await second.client.deactivate();
    await assertLeft(t, queue, []);
  });

  test(`s72_a_transaction_is_all_or_nothing_in_stomp_${version}`, LIMIT, async (t) => {
    const [from, to] = [`/queue/js/from/${version}`, `/queue/js/to/${version}`];
    const worker = await consumer(t, version, from, 'client');
    const target = await consumer(t, version, to, 'auto');
    const producer = await connected(t, version);
    await fill(producer, from, 2);
    const [first, second] = await take(worker.messages, 2);
    for (const [message, end] of [[first, 'abort'], [first, 'commit'], [second, 'abort']]) {
      const transaction = worker.client.begin();
      const headers = { transaction: transaction.id };
      for (const part of ['a', 'b']) {
        const body = `${end} ${message.body}${part}`;
        await published(worker.client, { destination: to, body, headers });
      }
      await settled(worker.client, message, 'ack', headers);
      transaction[end]();
    }
    await published(worker.client, { destination: to, body: 'afterwards' });
    const came = await take(target.messages, 3);
    assert.deepEqual(bodies(came), ['commit 0a', 'commit 0b', 'afterwards']);
    assert.equal(came[0].headers.transaction, undefined);
    worker.client.webSocket.terminate();
    await assertLeft(t, from, ['1']);
  });

  test(`s72_a_transaction_ends_with_its_session_in_stomp_${version}`, LIMIT, async (t) => {
    const queue = `/queue/js/undone/${version}`;
    const client = await connected(t, version);
    const transaction = client.begin('t');
    await published(client, { destination: queue, body: 'never', headers: { transaction: 't' } });
    client.webSocket.terminate();
    assert.equal(transaction.id, 't');
    await assertLeft(t, queue, []);
    const other = await connected(t, version);
    other.publish({ destination: queue, body: 'never', headers: { transaction: 't' } });
    const error = await other.errors.take('an ERROR');
    assert.equal(error.headers.message, 'unknown-transaction');
  });
}

for (const version of WITH_NACK) {
  test(`s71_what_one_rejects_another_gets_in_stomp_${version}`, LIMIT, async (t) => {
    const queue = `/queue/js/nack/${version}`;
    const first = await consumer(t, version, queue, 'client-individual');
    const producer = await connected(t, version);
    await fill(producer, queue, 3);
    const got = await take(first.messages, 3);
    const second = await consumer(t, version, queue, 'client-individual');
    await settled(first.client, got[1], 'nack');
    const again = await second.messages.take('what was rejected');
    assert.equal(again.body, '1');
    assert.equal(again.headers.redelivered, 'true');
    await settled(second.client, again, 'ack');
    await settled(first.client, got[0], 'ack');
    first.subscription.unsubscribe();
    const rest = await second.messages.take('what was given back');
    assert.equal(rest.body, '2');
    await settled(second.client, rest, 'ack');
    await second.client.deactivate();
    await assertLeft(t, queue, []);
  });

  for (const [mode, expected] of [['client', ['4']], ['client-individual', ['0', '1', '2', '4']]]) {
    test(`s71_an_ack_under_${mode}_in_stomp_${version}`, LIMIT, async (t) => {
      const queue = `/queue/js/${mode}/${version}`;
      const worker = await consumer(t, version, queue, mode);
      const producer = await connected(t, version);
      await fill(producer, queue, 5);
      const got = await take(worker.messages, 5);
      await settled(worker.client, got[3], 'ack');
      worker.client.webSocket.terminate();
      await assertLeft(t, queue, expected);
    });
  }
}

test('s73_an_ack_of_what_one_does_not_have_is_an_error', LIMIT, async (t) => {
  const queue = '/queue/js/strange';
  const worker = await consumer(t, Versions.V1_2, queue, 'client-individual');
  const producer = await connected(t, Versions.V1_2);
  await fill(producer, queue, 1);
  const [message] = await take(worker.messages, 1);
  const eve = await connected(t, Versions.V1_2);
  eve.ack(message.headers.ack, message.headers.subscription);
  const error = await eve.errors.take('an ERROR');
  assert.equal(error.headers.message, 'not-delivered');
  await settled(worker.client, message, 'ack');
  await worker.client.deactivate();
  await assertLeft(t, queue, []);
});

test('s91_connected_says_what_is_not_durable', LIMIT, async (t) => {
  const told = new Inbox();
  await connected(t, Versions.V1_2, { onConnect: (frame) => told.put(frame.headers) });
  const headers = await told.take('CONNECTED');
  assert.equal(headers.queues, 'in-memory');
  assert.equal(headers.history, 'in-memory');
});
