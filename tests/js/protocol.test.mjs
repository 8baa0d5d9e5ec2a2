// The page about the protocol: its handshakes and frames are real, and its routes keep to limits.

import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, test } from 'node:test';

import { fromHex, toHex } from '../../crates/server/pages/bytes.js';
import {
  characters,
  charactersOfFrames,
  closing,
  decodeFrames,
  messages,
  overhead,
} from '../../crates/server/pages/protocol-frames.js';
import { launch, openPage, overhang, watch } from './support/browser.mjs';
import { connectWs } from './support/clients.mjs';
import { LIMIT, PATIENCE, eventually } from './support/patience.mjs';
import { Server } from './support/server.mjs';

const SAMPLE = [
  'GET /chat HTTP/1.1',
  'Host: server.example.com',
  'Upgrade: websocket',
  'Connection: Upgrade',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  'Origin: http://example.com',
  'Sec-WebSocket-Protocol: chat, superchat',
  'Sec-WebSocket-Version: 13',
  '',
  '',
].join('\r\n');
const SAMPLE_ACCEPT = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=';

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

/** Asks a route of the demo: `{ status, type, told }`. */
async function ask(route, query, options) {
  const response = await fetch(server.http(`/demo/protocol/${route}?${query}`), {
    signal: AbortSignal.timeout(PATIENCE),
    ...options,
  });
  const type = response.headers.get('content-type');
  return { status: response.status, type, told: await response.json() };
}

async function assertRefused(status, route, query, options) {
  const answer = await ask(route, query, options);
  assert.equal(answer.status, status, `${query}: ${JSON.stringify(answer.told)}`);
  assert.equal(answer.type, 'application/problem+json');
  assert.equal(answer.told.status, status);
  assert.ok(answer.told.detail);
}

/** Opens the page, watched, and waits until it shows what it asks for by itself. */
async function visit(t, options) {
  const page = await openPage(t, browser, options);
  const watched = await watch(page, server.host);
  const response = await page.goto(server.http('/demo/protocol'));
  assert.equal(response.status(), 200);
  await page.locator('#handshake-received li').first().waitFor();
  await page.locator('#frames-received .frame').first().waitFor();
  await page.locator('#schemes li').first().waitFor();
  return { page, ...watched };
}

/** The text of a head as the page shows it, its ends of lines put back. */
async function shownHead(page, selector) {
  const lines = await page.locator(`${selector} > li:not(.body) .words`).allTextContents();
  return lines.map((line) => `${line}\r\n`).join('');
}

/** The bytes of all frames as they are drawn, in hexadecimal. */
async function drawn(page, id) {
  const bytes = page.locator(`#${id} [data-byte]`);
  return (await bytes.allTextContents()).join('');
}

/** Does something that sends frames, and gives the route's answer. */
async function framesOf(page, act) {
  const answer = page.waitForResponse((response) => response.url().includes('/protocol/frames'));
  await act();
  const response = await answer;
  const told = await response.json();
  assert.equal(response.status(), 200, JSON.stringify(told));
  return told;
}

test('seed_003_frames_are_decoded_as_rfc6455_5_7_shows_them', () => {
  const one = (hex) => {
    const { frames, rest } = decodeFrames(fromHex(hex));
    assert.equal(rest.length, 0);
    assert.equal(frames.length, 1);
    return frames[0];
  };
  const hello = one('810548656c6c6f');
  assert.deepEqual([hello.fin, hello.opcode, hello.masked], [true, 1, false]);
  assert.equal(new TextDecoder().decode(hello.payload), 'Hello');
  const masked = one('818537fa213d7f9f4d5158');
  assert.equal(toHex(masked.key), '37fa213d');
  assert.equal(toHex(masked.wire), '7f9f4d5158');
  assert.equal(new TextDecoder().decode(masked.payload), 'Hello');
  const long = one(`827e0100${'ab'.repeat(256)}`);
  assert.deepEqual([long.lengthForm, long.short, long.length], [16, 126, 256]);
  const longer = one(`827f0000000000010000${'cd'.repeat(65536)}`);
  assert.deepEqual([longer.lengthForm, longer.short, longer.length], [64, 127, 65536]);
  assert.equal(toHex(longer.lengthBytes), '0000000000010000');
  assert.deepEqual(one('f100').rsv, [true, true, true]);
  assert.deepEqual(closing(one('880403e86f6b').payload), { code: 1000, reason: 'ok' });
  assert.equal(closing(one('8800').payload), null);
});

test('seed_003_fragments_make_one_message_and_a_ping_may_come_between', () => {
  const { frames } = decodeFrames(fromHex('0102e992 8901 61 8001 9f 8202ff00'));
  assert.deepEqual(messages(frames), [
    { opcode: 1, frames: [0, 2] },
    { opcode: 9, frames: [1] },
    { opcode: 2, frames: [3] },
  ]);
  const cell = (index) => ({ char: '钟', index, of: 3 });
  assert.deepEqual(charactersOfFrames(frames), [[cell(0), cell(1)], [], [cell(2)], []]);
  assert.equal(overhead(frames), 8);
});

test('seed_003_incomplete_frames_are_left_and_broken_text_is_no_character', () => {
  const whole = fromHex('818537fa213d7f9f4d5158');
  for (let length = 0; length < whole.length; length += 1) {
    const { frames, rest } = decodeFrames(whole.subarray(0, length));
    assert.equal(frames.length, 0);
    assert.equal(rest.length, length);
  }
  assert.equal(decodeFrames(fromHex('827fffffffffffffffff')).frames.length, 0);
  // Neither lone continuations nor surrogates nor overlong forms are characters (RFC 3629).
  for (const hex of ['80', 'ff', 'e992', 'eda080', 'c0af', 'f4908080']) {
    assert.ok(characters(fromHex(hex)).every((cell) => cell === null), hex);
  }
  assert.equal(characters(fromHex('efbbbf')).length, 3);
  assert.equal(fromHex('4'), null);
  assert.equal(fromHex('4g'), null);
  assert.equal(fromHex(' 4 8\n').length, 1);
});

test('seed_003_the_sample_handshake_is_shown_byte_for_byte', LIMIT, async (t) => {
  for (const locale of ['en-US', 'zh-CN']) {
    const { page, assertQuiet } = await visit(t, { locale });
    assert.equal(await shownHead(page, '#handshake-sent'), SAMPLE);
    const answer = await shownHead(page, '#handshake-received');
    assert.match(answer, /^HTTP\/1\.1 101 Switching Protocols\r\n/);
    assert.match(answer, /\r\nsec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n/i);
    assert.match(answer, /\r\nsec-websocket-protocol: chat\r\n/i);
    assert.equal(await page.textContent('#handshake-sent-size'), `${SAMPLE.length} B`);
    assert.equal(await page.textContent('#handshake-status'), '101');
    const close = await page.textContent('#handshake-close');
    assert.match(close, /88 82 37 fa 21 3d 34 12 → 88 02 03 e8/);
    assertQuiet();
  }
});

test('seed_003_the_accept_is_computed_step_by_step_and_for_own_keys', LIMIT, async (t) => {
  const { page, assertQuiet } = await visit(t);
  const step = (name) => page.textContent(`#accept-step-${name}`);
  await page.locator('#accept-verdict').getByText(/^Identical/).waitFor();
  assert.equal(
    await step('joined'),
    'dGhlIHNhbXBsZSBub25jZQ==258EAFA5-E914-47DA-95CA-C5AB0DC85B11',
  );
  assert.equal(await step('sha1'), 'b37a4f2cc0624f1690f64606cf385945b2bec4ea');
  assert.equal(await step('base64'), SAMPLE_ACCEPT);
  assert.equal(await step('answered'), SAMPLE_ACCEPT);

  // While one types, the page computes by itself.
  await page.fill('#accept-key', 'AQIDBAUGBwgJCgsMDQ4PEA==');
  const own = 'C/0nmHhBztSRGR1CwL6Tf4ZjwpY=';
  await eventually(async () => assert.equal(await step('base64'), own));
  assert.equal(await step('answered'), '–');
  await page.click('#accept-send');
  await eventually(async () => assert.equal(await step('answered'), own));
  await page.locator('#accept-verdict').getByText(/^Identical/).waitFor();

  await page.fill('#accept-key', 'short');
  await page.click('#accept-send');
  await page.locator('#accept-verdict').getByText(/it refused/).waitFor();
  assert.equal(await step('answered'), '–');
  await page.click('#accept-random');
  await page.locator('#accept-verdict').getByText(/^Identical/).waitFor();
  assertQuiet();
});

test('seed_003_frames_are_drawn_as_they_went_over_the_wire', LIMIT, async (t) => {
  const { page, assertQuiet } = await visit(t);
  for (const [preset, count, verdict] of [
    ['cut', 4, 'Came back as text: Hi 钟🔔'],
    ['one', 2, 'Came back as text: Hello'],
    ['binary', 2, 'Came back as binary: 6 bytes'],
    ['ping', 4, 'Came back as text: ding dong'],
    ['unmasked', 1, 'The server closed instead of answering.'],
    ['not-utf-8', 1, 'The server closed instead of answering.'],
  ]) {
    const told = await framesOf(page, () => page.click(`#frames-preset-${preset}`));
    await eventually(async () => assert.equal(await drawn(page, 'frames-sent'), told.sent));
    assert.equal(await drawn(page, 'frames-received'), told.received);
    assert.equal(await page.locator('#frames-sent .frame').count(), count, preset);
    assert.equal(await page.textContent('#frames-verdict'), verdict);
    const bits = await page.locator('#frames-sent .bits').first().locator('.bit').allTextContents();
    const head = Number.parseInt(told.sent.slice(0, 4), 16);
    assert.equal(bits.join(''), head.toString(2).padStart(16, '0'));
  }
  await page.locator('#frames-received').getByText('Close code 1007').waitFor();

  // The RFC's own example, byte for byte.
  const told = await framesOf(page, () => page.click('#frames-preset-one'));
  assert.ok(told.sent.startsWith('818537fa213d7f9f4d5158'), told.sent);
  assert.ok(told.received.startsWith('810548656c6c6f'), told.received);

  for (const [preset, length, bytes] of [
    ['length-16', 300, '16-bit length'],
    ['length-64', 66000, '64-bit length'],
  ]) {
    const long = await framesOf(page, () => page.click(`#frames-preset-${preset}`));
    const [sent] = decodeFrames(fromHex(long.sent)).frames;
    const [received] = decodeFrames(fromHex(long.received)).frames;
    assert.equal(sent.length, length);
    assert.deepEqual(received.payload, sent.payload);
    await page.locator('#frames-received').getByText(bytes).waitFor();
    await page.locator('#frames-received').getByText(`${length - 48} more bytes`).waitFor();
  }
  assertQuiet();
});

test('seed_003_a_reader_cuts_a_text_within_a_character', LIMIT, async (t) => {
  const { page, assertQuiet } = await visit(t);
  await page.selectOption('#frames-kind', 'text');
  await page.fill('#frames-text', '楼');
  await page.fill('#frames-fragments', '2');
  await page.selectOption('#frames-mask', '00000000');
  const told = await framesOf(page, () => page.click('#frames-send'));
  // 楼 is e6 a5 bc; a mask of zeros changes nothing. The close has a mask of its own.
  assert.equal(told.sent, '018200000000e6a5' + '808100000000bc' + '888237fa213d3412');
  assert.equal(told.received, '8103e6a5bc' + '880203e8');
  await page.getByText('“楼” is cut: 2 of its 3 bytes are in this frame.').waitFor();
  await eventually(async () => assert.equal(await drawn(page, 'frames-sent'), told.sent));
  await page.selectOption('#frames-kind', 'binary');
  await page.fill('#frames-hex', 'xyz');
  await page.click('#frames-send');
  await page.locator('#frames-problem').getByText('Write bytes as pairs').waitFor();
  assertQuiet();
});

test('seed_003_failures_show_their_statuses_and_what_was_sent', LIMIT, async (t) => {
  const { page, assertQuiet } = await visit(t, { locale: 'zh-CN' });
  const attempt = (id) => page.locator(`#attempt-${id}`);
  const statuses = {
    'version-8': 426,
    'version-12': 426,
    'version-list': 426,
    'version-none': 426,
    'protocol-both': 101,
    'protocol-second': 101,
    'protocol-none-in-common': 101,
    'protocol-strict': 400,
    'key-none': 400,
    'key-short': 400,
    'method-post': 405,
    'http-1-0': 400,
    'upgrade-none': 400,
    'origin-any': 101,
    'origin-strict': 403,
    'origin-own': 101,
    'path-unknown': 404,
  };
  await attempt('version-8').locator('button').click();
  await attempt('version-8').locator('.status', { hasText: '426' }).waitFor();
  await page.click('#attempts-all');
  await attempt('path-unknown').locator('.status', { hasText: '404' }).waitFor();
  assert.equal(await page.locator('#attempts > li').count(), Object.keys(statuses).length);
  for (const [id, status] of Object.entries(statuses)) {
    assert.equal(await attempt(id).locator('.status').textContent(), String(status), id);
    assert.equal(await attempt(id).getAttribute('data-expected'), 'true', id);
    const head = await shownHead(page, `#attempt-${id} .received`);
    assert.match(head, new RegExp(`^HTTP/1\\.[01] ${status} `), id);
    if (status === 426) {
      assert.match(head, /\r\nsec-websocket-version: 13\r\n/i, id);
    }
  }
  assert.match(await shownHead(page, '#attempt-method-post .received'), /\r\nallow: GET\r\n/i);
  assert.match(await shownHead(page, '#attempt-method-post .sent'), /^POST \/chat HTTP\/1\.1\r\n/);
  assert.match(
    await shownHead(page, '#attempt-version-list .sent'),
    /\r\nSec-WebSocket-Version: 13, 8\r\n/,
  );
  const second = await shownHead(page, '#attempt-protocol-second .received');
  assert.match(second, /\r\nsec-websocket-protocol: superchat\r\n/i);
  const none = await shownHead(page, '#attempt-protocol-none-in-common .received');
  assert.doesNotMatch(none, /sec-websocket-protocol/i);
  assertQuiet();
});

test('seed_003_ws_is_tried_and_without_wss_the_page_says_how', LIMIT, async (t) => {
  const { told } = await ask('facts', '');
  assert.deepEqual(told, { ws: [server.socket('')], wss: [] });
  const { page, assertQuiet } = await visit(t);
  assert.equal(await page.textContent('#schemes code'), server.socket(''));
  await page.click('#schemes button');
  await page.locator('#schemes').getByText('Connected; “ding” came back.').waitFor();
  assert.ok(await page.isVisible('#schemes-none'));
  assert.equal(await page.textContent('#schemes-command'), 'campanile --dev-tls');
  assertQuiet();
});

test('seed_003_wss_is_tried_where_there_is_one', LIMIT, async (t) => {
  const page = await openPage(t, browser);
  // A server under TLS, as far as the page knows; the port is the one for plain HTTP.
  const secure = `wss://${server.host}`;
  await page.route('**/demo/protocol/facts?*', (route) =>
    route.fulfill({ json: { ws: [server.socket('')], wss: [secure] } }),
  );
  await page.goto(server.http('/demo/protocol'));
  const row = page.locator('#schemes li').nth(1);
  await row.getByText(secure).waitFor();
  const link = row.locator('a');
  assert.equal(await link.getAttribute('href'), `https://${server.host}/demo/protocol`);
  assert.equal(await page.isVisible('#schemes-none'), false);
  await row.locator('button').click();
  await row.getByText('The browser may not trust the certificate').waitFor();
});

test('seed_003_with_all_shown_the_page_fits_a_phone_and_follows_the_language', LIMIT, async (t) => {
  const phone = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };
  const { page, assertQuiet } = await visit(t, phone);
  await page.click('#attempts-all');
  await page.locator('#attempt-path-unknown .status', { hasText: '404' }).waitFor();
  for (const preset of ['length-64', 'not-utf-8', 'cut']) {
    await framesOf(page, () => page.click(`#frames-preset-${preset}`));
    assert.equal(await overhang(page), 0, preset);
  }
  const word = 'a'.repeat(200);
  await page.fill('#handshake-path', `/${word}`);
  await page.fill('#handshake-protocols', word);
  await page.click('#handshake-send');
  await page.locator('#handshake-sent').getByText(`/${word}`).waitFor();
  assert.equal(await overhang(page), 0);
  await page.click('#language-toggle');
  await page.getByText('“钟”被切断：3 个字节里有 1 个在这一帧。').waitFor();
  await page.getByText('草案阶段用过别的版本。').waitFor();
  assert.equal(await overhang(page), 0);
  assertQuiet();
});

test('seed_003_what_would_lead_elsewhere_is_refused', LIMIT, async () => {
  for (const query of [
    'path=//evil.example/chat',
    'path=http://evil.example/chat',
    'path=/chat%0d%0aX:%20y',
    'path=/chat%20HTTP/1.1%0d%0a%0d%0aGET%20/',
    `path=/${'a'.repeat(2000)}`,
    'path=/demo/protocol/handshake',
    'path=/demo/protocol/frames',
    'host=a%0d%0aX:%20y',
    'origin=a%0aX:%20y',
    `key=${'a'.repeat(300)}`,
    'protocols=%00',
    'version=%E7%89%88',
    'method=CONNECT',
    'http=1.1%0d%0a',
    'address=127.0.0.1:22',
    'port=22',
  ]) {
    await assertRefused(400, 'handshake', query);
  }
  // A Host is said, never gone to.
  const { told } = await ask('handshake', 'path=/echo&host=evil.example:1');
  assert.equal(told.status, 101);
  assert.equal(told.address, server.host);
  const post = (body) => ({ method: 'POST', body });
  await assertRefused(413, 'frames', 'kind=text', post('a'.repeat(4097)));
  await assertRefused(400, 'frames', 'filler=1000000', post(''));
  await assertRefused(400, 'frames', `fragments=1${',1'.repeat(100)}`, post('a'));
  await assertRefused(400, 'frames', 'masks=37fa213', post('a'));
  await assertRefused(400, 'frames', 'fragments=9', post('a'));
  assert.equal((await ask('frames', 'kind=text', post('a'.repeat(4096)))).status, 200);
});

test('seed_003_pages_of_other_sites_get_nothing_shown', LIMIT, async () => {
  /** The status for a request with these headers, which `fetch` would not send. */
  const status = (headers) =>
    new Promise((resolve, reject) => {
      const url = server.http('/demo/protocol/handshake?path=/echo');
      const request = http.get(url, { headers, timeout: PATIENCE }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      request.on('error', reject);
    });
  assert.equal(await status({}), 200);
  assert.equal(await status({ host: 'localhost:8080' }), 200);
  assert.equal(await status({ host: 'rebound.example' }), 403);
  assert.equal(await status({ 'sec-fetch-site': 'cross-site' }), 403);
  assert.equal(await status({ 'sec-fetch-site': 'same-origin' }), 200);
});

test('seed_003_a_crowd_at_the_demo_costs_nobody_else', LIMIT, async (t) => {
  const bystander = await connectWs(t, server.socket('/echo'));
  const post = { method: 'POST' };
  const crowd = Array.from({ length: 100 }, () => ask('frames', 'filler=66000', post));
  for (let number = 0; number < 50; number += 1) {
    bystander.sendText(String(number));
    assert.equal(await bystander.next(), String(number));
  }
  for (const { status, type, told } of await Promise.all(crowd)) {
    if (status === 200) {
      const { frames } = decodeFrames(fromHex(told.received));
      assert.equal(frames[0].length, 66000);
    } else {
      assert.equal(status, 503);
      assert.equal(type, 'application/problem+json');
    }
  }
  // Its places are free again.
  assert.equal((await ask('handshake', 'path=/echo')).told.status, 101);
});
