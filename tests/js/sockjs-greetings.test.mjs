// The page about STOMP with the real sockjs-client: each of its transports, chosen as people do.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { inState, launch, openPage, overhang, watch } from './support/browser.mjs';
import { serveElsewhere } from './support/elsewhere.mjs';
import { Inbox, LIMIT, eventually } from './support/patience.mjs';
import { Server } from './support/server.mjs';

const PATH = '/demo/greetings';
const STATE = 'greetings-state';

const TRANSPORTS = [
  'websocket',
  'xhr-streaming',
  'xhr-polling',
  'eventsource',
  'htmlfile',
  'iframe-eventsource',
  'iframe-htmlfile',
  'iframe-xhr-polling',
  'jsonp-polling',
];

// SockJS's pages for iframes set document.domain as its protocol has it. Browsers of today ignore
// that, and say so.
const OF_THE_PROTOCOL = /document\.domain mutation is ignored/;

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

/** Opens the page, watched, and waits until it is connected. */
async function visit(t, options) {
  const page = await openPage(t, browser, options);
  const { complaints } = await watch(page, server.host);
  await page.goto(server.http(PATH));
  await inState(page, STATE, 'open');
  const assertQuiet = () =>
    assert.deepEqual(complaints.filter((words) => !OF_THE_PROTOCOL.test(words)), []);
  return { page, assertQuiet };
}

/** Connects again in another way. */
async function connectBy(page, choice) {
  await page.click('#greetings-disconnect');
  await inState(page, STATE, 'closed');
  await page.selectOption('#greetings-transport', choice);
  await page.click('#greetings-connect');
  await inState(page, STATE, 'open');
}

async function greet(page, name) {
  await page.fill('#greetings-name', name);
  await page.click('#greetings-send');
  const row = page.locator('#greetings-rows td:first-child');
  await row.getByText(`Hello, ${name}!`, { exact: true }).waitFor();
}

async function figure(page, name) {
  return Number((await page.textContent(`#wire-${name}`)).replace(/[, B]/g, ''));
}

for (const transport of TRANSPORTS) {
  test(`seed_002_a_greeting_goes_by_sockjs_over_${transport}`, LIMIT, async (t) => {
    const { page, assertQuiet } = await visit(t);
    assert.ok(await page.isDisabled('#greetings-transport'));
    const asked = [];
    page.on('request', (request) => asked.push(new URL(request.url()).pathname));
    await connectBy(page, transport);
    assert.equal(await page.textContent('#wire-transport'), transport);
    const log = page.locator('#frames-log');
    await log.getByText(`SockJS open, transport ${transport}`).waitFor();
    await greet(page, '<i>Ada</i> & 小明');
    await greet(page, 'Bob');

    // The requests are those of this transport, and its iframe comes from here with its library.
    const used = (end) => asked.some((path) => path.endsWith(end));
    assert.ok(used('/gs-guide-websocket/info'));
    const [, inIframe, kind] = /^(iframe-)?(.*)$/.exec(transport);
    const ends = { 'xhr-streaming': '/xhr_streaming', 'xhr-polling': '/xhr' };
    if (kind !== 'websocket') {
      assert.ok(used(ends[kind] ?? `/${kind.replace('-polling', '')}`), asked.join('\n'));
    }
    assert.equal(asked.some((path) => /\/iframe[^/]*\.html$/.test(path)), Boolean(inIframe));
    assert.equal(used('/assets/sockjs.min.js'), Boolean(inIframe));

    // What came is counted, also by iframes, and rises; the log tells frames, not SockJS's arrays.
    await eventually(async () => assert.ok((await figure(page, 'requests')) >= 2));
    const received = await figure(page, 'received');
    assert.ok(received > 0);
    await greet(page, 'Carol');
    await eventually(async () => assert.ok((await figure(page, 'received')) > received));
    const verbs = await log.locator('.verb').allTextContents();
    const last = verbs.slice(verbs.lastIndexOf('CONNECT'));
    assert.deepEqual(last.slice(0, 5), ['CONNECT', 'CONNECTED', 'SUBSCRIBE', 'SEND', 'MESSAGE']);

    await page.click('#greetings-disconnect');
    await inState(page, STATE, 'closed');
    await log.locator('.system').getByText('SockJS closed').waitFor();
    assertQuiet();
  });
}

test('seed_002_sockjs_left_to_itself_takes_a_websocket', LIMIT, async (t) => {
  const { page, assertQuiet } = await visit(t, { locale: 'zh-CN' });
  assert.equal(await page.textContent('#wire-transport'), 'WebSocket');
  await connectBy(page, 'automatic');
  assert.equal(await page.textContent('#wire-transport'), 'websocket');
  await page.locator('#frames-log').getByText('SockJS 已打开，传输方式 websocket').waitFor();
  await greet(page, '小明');
  assertQuiet();
});

test('seed_002_windows_greet_each_other_whatever_carries_them', LIMIT, async (t) => {
  const { page: plain } = await visit(t);
  const { page: polls, assertQuiet } = await visit(t);
  await connectBy(polls, 'xhr-polling');
  await greet(plain, 'Ada');
  await greet(polls, 'Bob');
  for (const page of [plain, polls]) {
    const rows = page.locator('#greetings-rows td:first-child');
    await rows.getByText('Hello, Ada!').waitFor();
    await rows.getByText('Hello, Bob!').waitFor();
  }
  assertQuiet();
});

test('seed_002_a_transport_that_fails_is_named', LIMIT, async (t) => {
  const { page } = await visit(t);
  await page.click('#greetings-disconnect');
  await inState(page, STATE, 'closed');
  await page.route('**/gs-guide-websocket/*/*/xhr_streaming*', (route) => route.abort());
  await page.selectOption('#greetings-transport', 'xhr-streaming');
  await page.click('#greetings-connect');
  await page.locator(`#${STATE}`).getByText('SockJS cannot connect by xhr-streaming').waitFor();
  assert.equal(await page.textContent('#wire-transport'), '–');
  await page.unroute('**/gs-guide-websocket/*/*/xhr_streaming*');
  await inState(page, STATE, 'open');
  await greet(page, 'Ada');
});

test('seed_002_without_sockjs_client_there_is_still_a_websocket', LIMIT, async (t) => {
  const page = await openPage(t, browser);
  await page.route('**/assets/sockjs.min.js', (route) => route.fulfill({ status: 404 }));
  await page.goto(server.http(PATH));
  await page.locator('#sockjs-missing').getByText('sockjs-client is not in this').waitFor();
  assert.ok(await page.locator('#greetings-sockjs').evaluate((group) => group.disabled));
  await inState(page, STATE, 'open');
  await greet(page, 'Ada');
});

test('s45_the_program_serves_the_client_library_to_pages_of_other_origins', LIMIT, async (t) => {
  const { page } = await visit(t);
  for (const choice of ['automatic', 'xhr-polling']) {
    await page.click('#greetings-disconnect');
    await inState(page, STATE, 'closed');
    await page.selectOption('#greetings-transport', choice);
    const code = await page.locator('#own-code').textContent();
    assert.match(code, /assets\/sockjs\.min\.js/);
    assert.equal(code.includes('transports'), choice !== 'automatic');
    const own = await openPage(t, browser);
    const said = new Inbox();
    own.on('console', (message) => said.put(message.text()));
    await own.goto(await serveElsewhere(t, `<!DOCTYPE html>${code}`));
    await eventually(async () => {
      assert.match(await said.take('a greeting'), /^\{"content":"Hello, Ada!"\}$/);
    });
    await page.click('#greetings-connect');
    await inState(page, STATE, 'open');
  }
  const licence = await fetch(server.http('/assets/sockjs.LICENSE.txt'));
  assert.match(await licence.text(), /Permission is hereby granted/);
});

test('seed_002_the_choice_of_transports_fits_a_phone', LIMIT, async (t) => {
  for (const locale of ['en-US', 'zh-CN']) {
    const phone = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };
    const { page } = await visit(t, { ...phone, locale });
    await connectBy(page, 'iframe-xhr-polling');
    await greet(page, 'Ada');
    assert.equal(await overhang(page), 0, locale);
  }
});
