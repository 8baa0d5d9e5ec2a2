// The npm package for recovery: its size, its types, and what it does with a server whose every
// frame is scripted.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { Client } from '@stomp/stompjs';
import { minify } from 'terser';
import { WebSocket } from 'ws';

import { recovering } from '../../packages/stompjs-recovery/index.js';
import { Inbox, LIMIT, eventually, within } from './support/patience.mjs';
import { ScriptedServer } from './support/scripted.mjs';

const PACKAGE = new URL('../../packages/stompjs-recovery/', import.meta.url);
const BYTES_MAX = 2048;

/** A client of a scripted server; what happens to `subscribe`'s subscriptions goes into `seen`. */
async function scripted(t, settings = {}) {
  const server = await ScriptedServer.start(t);
  const client = new Client({
    webSocketFactory: () => new WebSocket(server.url, ['v12.stomp']),
    reconnectDelay: 1,
    heartbeatIncoming: 0,
    heartbeatOutgoing: 0,
    ...settings,
  });
  t.after(() => client.deactivate({ force: true }));
  const seen = new Inbox();
  const subscribe = (destination, options = {}) =>
    recovering(client).subscribe(destination, (message) => seen.put(message.body), {
      onRecovered: (resumed) => seen.put(resumed),
      onGap: (gap) => seen.put({ gap }),
      ...options,
    });
  return { server, client, seen, subscribe };
}

async function assertNext(seen, ...expected) {
  for (const one of expected) {
    assert.deepEqual(await seen.take(JSON.stringify(one)), one);
  }
}

/** Waits until everything that was sent on a connection has been dealt with. */
async function settled(client, connection) {
  const seen = new Inbox();
  // CONNECTED may still be on its way.
  await eventually(() => client.watchForReceipt('settled', () => seen.put('settled')));
  connection.send('RECEIPT', { 'receipt-id': 'settled' });
  await seen.take('the receipt');
}

test('s98_the_package_is_less_than_two_kilobytes_and_needs_nothing', async () => {
  const source = await readFile(new URL('index.js', PACKAGE), 'utf8');
  const { code } = await minify(source, { module: true });
  assert.ok(Buffer.byteLength(code) < BYTES_MAX, `${Buffer.byteLength(code)} bytes`);
  assert.doesNotMatch(source, /\bimport\b/);
  const manifest = JSON.parse(await readFile(new URL('package.json', PACKAGE), 'utf8'));
  assert.equal(manifest.dependencies, undefined);
  assert.deepEqual(Object.keys(manifest.peerDependencies), ['@stomp/stompjs']);
  for (const file of [...manifest.files, 'README.md']) {
    assert.ok((await readFile(new URL(file, PACKAGE))).length > 0, file);
  }
});

test('s98_the_types_say_what_the_package_does', LIMIT, async () => {
  const compiler = fileURLToPath(new URL('node_modules/typescript/bin/tsc', import.meta.url));
  const project = fileURLToPath(new URL('support/types', import.meta.url));
  const checked = promisify(execFile)(process.execPath, [compiler, '--project', project]);
  await checked.catch(({ stdout }) => assert.fail(stdout));
});

test('s98_a_subscription_goes_on_after_its_last_message', LIMIT, async (t) => {
  const { server, client, seen, subscribe } = await scripted(t);
  const subscription = subscribe('/topic/t', { headers: { selector: 'n > 0', receipt: 'mine' } });
  assert.equal(subscription.cursor, undefined);
  client.activate();
  const first = await server.accept();
  const asked = await first.expect('SUBSCRIBE');
  assert.equal(asked.destination, '/topic/t');
  assert.equal(asked.selector, 'n > 0');
  assert.equal(asked.after, undefined);
  assert.notEqual(asked.receipt, 'mine');
  first.send('RECEIPT', { 'receipt-id': asked.receipt, cursor: 'e-10' });
  first.message(asked, 'e-11', 'a');
  first.message(asked, 'e-13', 'b');
  // A new subscription is nothing that has recovered.
  await assertNext(seen, 'a', 'b');
  assert.equal(subscription.cursor, 'e-13');

  first.cut();
  const second = await server.accept();
  const again = await second.expect('SUBSCRIBE');
  assert.equal(again.after, 'e-13');
  assert.equal(again.selector, 'n > 0');
  second.send('RECEIPT', { 'receipt-id': again.receipt, cursor: 'e-20', recovered: 'true' });
  second.message(again, 'e-14', 'c');
  await assertNext(seen, { recovered: true, cursor: 'e-20' }, 'c');
  assert.equal(subscription.cursor, 'e-14');

  // Cut within the replay: the rest of it is asked for.
  second.cut();
  const third = await server.accept();
  const last = await third.expect('SUBSCRIBE');
  assert.equal(last.after, 'e-14');
  third.send('RECEIPT', { 'receipt-id': last.receipt, cursor: 'e-30', recovered: 'true' });
  third.message(last, 'e-20', 'd');
  third.message(last, 'e-31', 'e');
  await assertNext(seen, { recovered: true, cursor: 'e-30' }, 'd', 'e');
});

test('s98_a_quiet_subscription_goes_on_after_the_cursor_of_its_receipt', LIMIT, async (t) => {
  const { server, client, seen, subscribe } = await scripted(t);
  subscribe('/topic/t');
  client.activate();
  const first = await server.accept();
  const { receipt } = await first.expect('SUBSCRIBE');
  first.send('RECEIPT', { 'receipt-id': receipt, cursor: 'e-10' });
  first.cut();
  const second = await server.accept();
  const again = await second.expect('SUBSCRIBE');
  assert.equal(again.after, 'e-10');
  // Cut before the RECEIPT: it is asked for in the same way.
  second.cut();
  const third = await server.accept();
  const last = await third.expect('SUBSCRIBE');
  assert.equal(last.after, 'e-10');
  third.send('RECEIPT', { 'receipt-id': last.receipt, cursor: 'e-10', recovered: 'true' });
  await assertNext(seen, { recovered: true, cursor: 'e-10' });
});

test('s98_what_cannot_be_recovered_is_told_as_a_gap', LIMIT, async (t) => {
  const { server, client, seen, subscribe } = await scripted(t);
  const subscription = subscribe('/topic/t');
  client.activate();
  const first = await server.accept();
  const { receipt, id } = await first.expect('SUBSCRIBE');
  first.send('RECEIPT', { 'receipt-id': receipt, cursor: 'e-10' });
  first.message({ id }, 'e-11', 'a');
  await assertNext(seen, 'a');
  first.cut();
  const second = await server.accept();
  const again = await second.expect('SUBSCRIBE');
  // The server was started anew: another epoch, and small positions again.
  second.send('RECEIPT', { 'receipt-id': again.receipt, cursor: 'f-3', recovered: 'false' });
  second.message(again, 'f-4', 'b');
  await assertNext(seen, { recovered: false, cursor: 'f-3' }, { gap: { cursor: 'f-3' } }, 'b');
  assert.equal(subscription.cursor, 'f-4');
});

test('s98_cut_before_the_first_receipt_is_told_as_a_gap', LIMIT, async (t) => {
  const { server, client, seen, subscribe } = await scripted(t);
  subscribe('/topic/t');
  client.activate();
  const first = await server.accept();
  await first.expect('SUBSCRIBE');
  first.cut();
  const second = await server.accept();
  const { receipt, after } = await second.expect('SUBSCRIBE');
  assert.equal(after, undefined);
  second.send('RECEIPT', { 'receipt-id': receipt, cursor: 'e-5' });
  await assertNext(seen, { recovered: false, cursor: 'e-5' }, { gap: { cursor: 'e-5' } });
});

test('s29_a_gap_marker_stands_for_what_was_dropped', LIMIT, async (t) => {
  const { server, client, seen, subscribe } = await scripted(t);
  const subscription = subscribe('/topic/t');
  client.activate();
  const first = await server.accept();
  const asked = await first.expect('SUBSCRIBE');
  first.send('RECEIPT', { 'receipt-id': asked.receipt, cursor: 'e-10' });
  first.message(asked, 'e-11', 'a');
  first.message(asked, 'e-18', '', { gap: '7', 'content-length': '0' });
  await assertNext(seen, 'a', { gap: { dropped: 7, cursor: 'e-18' } });
  assert.equal(subscription.cursor, 'e-18');
  first.message(asked, 'e-19', 'b');
  await assertNext(seen, 'b');
});

test('s98_nothing_is_handed_over_twice', LIMIT, async (t) => {
  const { server, client, seen, subscribe } = await scripted(t);
  subscribe('/topic/t', { after: 'e-9007199254740000' });
  client.activate();
  const only = await server.accept();
  const asked = await only.expect('SUBSCRIBE');
  assert.equal(asked.after, 'e-9007199254740000');
  only.send('RECEIPT', {
    'receipt-id': asked.receipt,
    cursor: 'e-9007199254740005',
    recovered: 'true',
  });
  for (const position of [0, 1, 2, 1, 2, 0, 3, 3]) {
    only.message(asked, `e-900719925474000${position}`, `${position}`);
  }
  // Another life of the log begins with small positions; these are no copies.
  only.message(asked, 'f-1', '4');
  await settled(client, only);
  await assertNext(seen, { recovered: true, cursor: 'e-9007199254740005' }, '1', '2', '3', '4');
  assert.equal(seen.waiting, 0);
});

test('s98_retained_values_are_older_than_the_subscription', LIMIT, async (t) => {
  const { server, client, seen, subscribe } = await scripted(t);
  const subscription = subscribe('/topic/*');
  client.activate();
  const first = await server.accept();
  const asked = await first.expect('SUBSCRIBE');
  first.send('RECEIPT', { 'receipt-id': asked.receipt, cursor: 'e-10' });
  first.message(asked, 'e-4', 'retained');
  first.message(asked, 'e-7', 'retained, too');
  await assertNext(seen, 'retained', 'retained, too');
  assert.equal(subscription.cursor, 'e-10');
});

test('s98_each_subscription_has_its_own_cursor', LIMIT, async (t) => {
  const { server, client, seen, subscribe } = await scripted(t);
  subscribe('/topic/a', { headers: { id: 'a' } });
  client.onConnect = () => seen.put('connected');
  client.activate();
  const first = await server.accept();
  await assertNext(seen, 'connected');
  const leaving = subscribe('/topic/b', { headers: { id: 'b' } });
  subscribe('/topic/c', { headers: { id: 'c' } });
  for (const [id, position] of [['a', 'e-1'], ['b', 'e-2'], ['c', 'e-3']]) {
    const asked = await first.expect('SUBSCRIBE');
    assert.equal(asked.id, id);
    first.send('RECEIPT', { 'receipt-id': asked.receipt, cursor: position });
  }
  first.message({ id: 'c' }, 'e-9', 'for c');
  await assertNext(seen, 'for c');
  leaving.unsubscribe({ note: 'enough' });
  leaving.unsubscribe();
  const left = await first.expect('UNSUBSCRIBE');
  assert.deepEqual([left.id, left.note], ['b', 'enough']);
  assert.equal(first.waiting, 0);

  first.cut();
  const second = await server.accept();
  for (const [id, position] of [['a', 'e-1'], ['c', 'e-9']]) {
    const asked = await second.expect('SUBSCRIBE');
    assert.deepEqual([asked.id, asked.after], [id, position]);
  }
  await assertNext(seen, 'connected');
  assert.equal(second.waiting, 0);
});

test('s98_who_has_unsubscribed_is_told_nothing_more', LIMIT, async (t) => {
  const { server, client, seen, subscribe } = await scripted(t);
  const early = subscribe('/topic/t');
  early.unsubscribe();
  const late = subscribe('/topic/t', { after: 'e-1' });
  client.activate();
  const first = await server.accept();
  const asked = await first.expect('SUBSCRIBE');
  late.unsubscribe();
  await first.expect('UNSUBSCRIBE');
  first.send('RECEIPT', { 'receipt-id': asked.receipt, cursor: 'e-9', recovered: 'false' });
  await settled(client, first);
  assert.equal(seen.waiting, 0);
  assert.equal(late.cursor, 'e-1');
  first.cut();
  const second = await server.accept();
  await settled(client, second);
  assert.equal(second.waiting, 0);
});

test('s98_a_client_that_was_deactivated_goes_on_where_it_was', LIMIT, async (t) => {
  const { server, client, seen, subscribe } = await scripted(t);
  subscribe('/topic/t');
  client.activate();
  const first = await server.accept();
  const asked = await first.expect('SUBSCRIBE');
  first.send('RECEIPT', { 'receipt-id': asked.receipt, cursor: 'e-1' });
  first.message(asked, 'e-2', 'a');
  await assertNext(seen, 'a');
  await within(client.deactivate({ force: true }), 'the end');
  const whileAway = subscribe('/topic/u');
  client.activate();
  const second = await server.accept();
  assert.equal((await second.expect('SUBSCRIBE')).after, 'e-2');
  const { receipt } = await second.expect('SUBSCRIBE');
  second.send('RECEIPT', { 'receipt-id': receipt, cursor: 'e-5' });
  await settled(client, second);
  assert.equal(whileAway.cursor, 'e-5');
});

test('s91_a_queue_is_subscribed_to_again_and_misses_nothing', LIMIT, async (t) => {
  const { server, client, seen, subscribe } = await scripted(t);
  const subscription = subscribe('/queue/q', { headers: { ack: 'client-individual' } });
  client.activate();
  for (const redelivered of [false, true]) {
    const connection = await server.accept();
    const asked = await connection.expect('SUBSCRIBE');
    assert.deepEqual([asked.ack, asked.after], ['client-individual', undefined]);
    connection.send('RECEIPT', { 'receipt-id': asked.receipt });
    connection.message(asked, 'e-2', 'work', { ack: '1', redelivered });
    await assertNext(seen, 'work');
    assert.equal(subscription.cursor, undefined);
    connection.cut();
  }
  assert.equal(seen.waiting, 0);
});

test('a_server_without_history_is_subscribed_to_again_and_gaps_are_told', LIMIT, async (t) => {
  const { server, client, seen, subscribe } = await scripted(t);
  subscribe('/topic/t');
  client.activate();
  const first = await server.accept({});
  const asked = await first.expect('SUBSCRIBE');
  assert.equal(asked.receipt, undefined);
  // Ids that look like ours, in an order that is not ours, and a header that means something else.
  for (const id of ['a1-7', 'a1-6', 'a1-6', 'T_sub-0@@b@@1']) {
    first.message(asked, id, id, { gap: '1' });
  }
  await assertNext(seen, 'a1-7', 'a1-6', 'a1-6', 'T_sub-0@@b@@1');
  first.cut();
  const second = await server.accept({});
  const again = await second.expect('SUBSCRIBE');
  assert.deepEqual([again.receipt, again.after], [undefined, undefined]);
  const told = [{ recovered: false, cursor: undefined }, { gap: { cursor: undefined } }];
  await assertNext(seen, ...told);
  second.message(again, 'a1-1', 'live');
  await assertNext(seen, 'live');
});

test('a_server_without_history_after_one_with_it_loses_no_message', LIMIT, async (t) => {
  const { server, client, seen, subscribe } = await scripted(t);
  subscribe('/topic/t', { after: 'e-5' });
  client.activate();
  const first = await server.accept();
  const asked = await first.expect('SUBSCRIBE');
  first.send('RECEIPT', { 'receipt-id': asked.receipt, cursor: 'e-5', recovered: 'true' });
  await assertNext(seen, { recovered: true, cursor: 'e-5' });
  first.cut();
  const second = await server.accept({});
  const again = await second.expect('SUBSCRIBE');
  second.message(again, 'e-1', 'of another server');
  await assertNext(seen, { recovered: false, cursor: undefined }, { gap: { cursor: undefined } });
  await assertNext(seen, 'of another server');
});

test('the_application_keeps_its_own_on_connect', LIMIT, async (t) => {
  const called = new Inbox();
  const { server, client, subscribe } = await scripted(t, {
    onConnect: () => called.put('configured'),
  });
  subscribe('/topic/t');
  assert.equal(recovering(client), recovering(client));
  client.activate();
  const first = await server.accept();
  await first.expect('SUBSCRIBE');
  await assertNext(called, 'configured');

  const before = client.onConnect;
  client.onConnect = function onConnect(frame) {
    assert.equal(this, client);
    called.put('around');
    before(frame);
  };
  first.cut();
  const second = await server.accept();
  await second.expect('SUBSCRIBE');
  await assertNext(called, 'around', 'configured');
  // A function around ours does not subscribe twice.
  await settled(client, second);
  assert.equal(second.waiting, 0);

  client.configure({ onConnect: () => called.put('configured anew') });
  second.cut();
  const third = await server.accept();
  await third.expect('SUBSCRIBE');
  await assertNext(called, 'configured anew');
});
