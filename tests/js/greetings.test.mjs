// The page about STOMP in a real browser, used as a person uses it.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';

import { inState, launch, openPage, watch } from './support/browser.mjs';
import { Inbox, LIMIT, eventually } from './support/patience.mjs';
import { Relay } from './support/relay.mjs';
import { Server } from './support/server.mjs';
import { connected } from './support/stomp.mjs';

const PATH = '/demo/greetings';
const STATE = 'greetings-state';

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
  const watched = await watch(page, server.host);
  await page.goto(server.http(PATH));
  await inState(page, STATE, 'open');
  return { page, ...watched };
}

async function say(page, name) {
  await page.fill('#greetings-name', name);
  await page.click('#greetings-send');
}

function row(page, text) {
  return page.locator('#greetings-rows td:first-child').getByText(text, { exact: true });
}

/** The frames of a command that the log shows: the text of each, with its headers. */
function frames(page, direction, command) {
  return page.locator(`#frames-log > li.${direction}`, {
    has: page.locator('.verb', { hasText: new RegExp(`^${command}$`) }),
  });
}

async function frame(page, direction, command) {
  return frames(page, direction, command).last().locator('.data').textContent();
}

test('seed_002_a_name_is_greeted_and_every_frame_is_shown', LIMIT, async (t) => {
  const { page, assertQuiet } = await visit(t);
  await page.check('#greetings-receipt');
  await say(page, '<i>Ada</i> & 小明');
  await row(page, 'Hello, <i>Ada</i> & 小明!').first().waitFor();
  await page.locator('#greetings-result').getByText('RECEIPT hello-1').waitFor();
  assert.match(await frame(page, 'out', 'CONNECT'), /^accept-version:1\.2,1\.1,1\.0$/m);
  assert.match(await frame(page, 'in', 'CONNECTED'), /^version:1\.2$/m);
  assert.match(await frame(page, 'out', 'SUBSCRIBE'), /^destination:\/topic\/greetings$/m);
  const sent = await frame(page, 'out', 'SEND');
  assert.match(sent, /^destination:\/app\/hello$/m);
  assert.ok(sent.endsWith('\n\n{"name":"<i>Ada</i> & 小明"}^@'), sent);
  assert.match(await frame(page, 'in', 'RECEIPT'), /^receipt-id:hello-1$/m);
  assert.match(await frame(page, 'in', 'MESSAGE'), /&lt;i&gt;Ada&lt;\/i&gt; &amp; 小明/);
  await page.locator('#greetings-agreed').getByText('STOMP 1.2, server campanile/').waitFor();
  assertQuiet();
});

test('seed_002_two_windows_greet_each_other_until_one_unsubscribes', LIMIT, async (t) => {
  const { page: ada, assertQuiet } = await visit(t);
  const { page: bob } = await visit(t, { locale: 'zh-CN' });
  await say(ada, 'Ada');
  await row(bob, 'Hello, Ada!').first().waitFor();
  await say(bob, '小红');
  await row(ada, 'Hello, 小红!').first().waitFor();
  await bob.click('#greetings-unsubscribe');
  await bob.locator('#greetings-subscribe:focus').waitFor();
  await bob.check('#greetings-receipt');
  await say(bob, 'nobody');
  await bob.locator('#greetings-result').getByText('RECEIPT hello-1').waitFor();
  await row(ada, 'Hello, nobody!').first().waitFor();
  assert.equal(await row(bob, 'Hello, nobody!').count(), 0);
  await bob.click('#greetings-subscribe');
  await say(bob, '小红又来了');
  await row(bob, 'Hello, 小红又来了!').waitFor();
  assertQuiet();
});

test('seed_002_what_is_no_greeting_is_shown_as_it_is', LIMIT, async (t) => {
  const { page, assertQuiet } = await visit(t);
  await say(page, 'Ada');
  await row(page, 'Hello, Ada!').waitFor();
  const client = await connected(t, () => server.socket('/stomp'));
  for (const body of ['<b>plain</b>', '{"content":7}', 'null', '{"content":"&lt;b&gt;"}']) {
    client.publish({ destination: '/topic/greetings', body });
  }
  for (const text of ['<b>plain</b>', '{"content":7}', 'null', '<b>']) {
    await row(page, text).waitFor();
  }
  assertQuiet();
});

test('seed_002_version_and_heart_beats_are_chosen', LIMIT, async (t) => {
  const { page, assertQuiet } = await visit(t);
  const agreed = page.locator('#greetings-agreed');
  assert.ok(await page.isDisabled('#greetings-version'));
  for (const [version, incoming, words] of [
    ['1.0', '1000', 'Heart-beats from here: none; from the server: none.'],
    ['1.1', '1000', 'Heart-beats from here: none; from the server: every 1 s.'],
    ['1.2', '0', 'Heart-beats from here: none; from the server: none.'],
  ]) {
    await page.click('#greetings-disconnect');
    await inState(page, STATE, 'closed');
    await page.selectOption('#greetings-version', version);
    await page.selectOption('#greetings-outgoing', '0');
    await page.selectOption('#greetings-incoming', incoming);
    await page.click('#greetings-connect');
    await inState(page, STATE, 'open');
    await agreed.getByText(`STOMP ${version}, server campanile/`).waitFor();
    await agreed.getByText(words).waitFor();
    assert.match(await frame(page, 'in', 'CONNECTED'), new RegExp(`^version:${version}$`, 'm'));
    if (version === '1.1') {
      await page.locator('#frames-log .beat.in .data', { hasText: '♥ × 2' }).waitFor();
    }
    await say(page, `in ${version}`);
    await row(page, `Hello, in ${version}!`).waitFor();
  }
  await page.click('#frames-clear');
  assert.equal(await page.locator('#frames-log > li').count(), 0);
  assertQuiet();
});

test('seed_002_mistakes_are_explained_and_the_page_comes_back', LIMIT, async (t) => {
  const { page, assertQuiet } = await visit(t);
  const problem = page.locator('#greetings-problem');
  await say(page, '   ');
  await problem.getByText('Say a name first.').waitFor();
  await page.click('#greetings-error');
  await problem.getByText('The server refuses: unknown-destination').waitFor();
  assert.match(await frame(page, 'in', 'ERROR'), /^message:unknown-destination$/m);
  await page.locator('#frames-log .system').getByText('WebSocket closed, 1008').waitFor();
  await frames(page, 'in', 'CONNECTED').nth(1).waitFor();
  await inState(page, STATE, 'open');
  await say(page, 'Ada again');
  await row(page, 'Hello, Ada again!').waitFor();
  assertQuiet();
});

test('seed_002_the_page_waits_for_a_server_that_is_restarted', LIMIT, async (t) => {
  let current = await Server.start();
  t.after(() => current.stop());
  const relay = await Relay.start(t, current.host);
  const page = await openPage(t, browser);
  await page.goto(`http://${relay.host}${PATH}`);
  await inState(page, STATE, 'open');
  relay.target = null;
  await current.stop();
  await inState(page, STATE, 'waiting');
  await page.locator(`#${STATE}`).getByText('stompjs tries again every 2 s').waitFor();
  assert.ok(await page.isDisabled('#greetings-send'));
  // The button is for those who do not want to wait; nobody is there yet.
  await page.click('#greetings-connect');
  await page.locator(`#${STATE}`).getByText('is it running?').waitFor();
  current = await Server.start();
  relay.target = current.host;
  await inState(page, STATE, 'open');
  await say(page, 'Ada');
  await row(page, 'Hello, Ada!').waitFor();
});

test('seed_002_a_program_without_the_library_says_how_to_get_it', LIMIT, async (t) => {
  const page = await openPage(t, browser);
  await page.route('**/assets/stomp.umd.min.js', (route) => route.fulfill({ status: 404 }));
  await page.goto(server.http(PATH));
  await page.locator('#library-missing').getByText('stompjs is not in this program').waitFor();
  assert.ok(await page.isDisabled('#greetings-connect'));
});

test('seed_002_the_code_to_paste_works_on_a_page_of_ones_own', LIMIT, async (t) => {
  const { page } = await visit(t);
  const code = await page.locator('#own-code').textContent();
  const elsewhere = createServer((_, response) => {
    response.writeHead(200, { 'content-type': 'text/html' }).end(`<!DOCTYPE html>${code}`);
  });
  t.after(() => {
    elsewhere.close();
    elsewhere.closeAllConnections();
  });
  elsewhere.listen(0, '127.0.0.1');
  await once(elsewhere, 'listening');
  const own = await openPage(t, browser);
  const said = new Inbox();
  own.on('console', (message) => said.put(message.text()));
  await own.goto(`http://127.0.0.1:${elsewhere.address().port}/`);
  await eventually(async () => {
    assert.match(await said.take('a greeting'), /^\{"content":"Hello, Ada!"\}$/);
  });
});
