// The demo pages in a real browser, used as a person uses them.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';

import { hasLine, inState, launch, messages, openPage, watch } from './support/browser.mjs';
import { connectWs } from './support/clients.mjs';
import { LIMIT, PATIENCE, eventually } from './support/patience.mjs';
import { Server } from './support/server.mjs';

const PUSH = /^这是来自服务端的消息：\d\d:\d\d:\d\d$/;

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

/** Opens the page at `path`, watched. */
async function visit(t, path, options) {
  const page = await openPage(t, browser, options);
  const watched = await watch(page, server.host);
  const response = await page.goto(server.http(path));
  assert.equal(response.status(), 200);
  return { page, ...watched };
}

async function say(page, pane, text) {
  await page.fill(`#${pane}-input`, text);
  await page.click(`#${pane}-send`);
}

test('two people chat side by side', LIMIT, async (t) => {
  const { page, assertQuiet } = await visit(t, '/demo/chat', { locale: 'zh-CN' });
  const guest = await connectWs(t, server.socket('/chat'));
  guest.sendText('@nobody ready');
  assert.equal(await guest.next(), '@nobody ready');
  for (const pane of ['chat-a', 'chat-b']) {
    await inState(page, `${pane}-state`, 'open');
    const handshake = await page.locator(`#${pane}-handshake`).textContent();
    assert.match(handshake, /\/chat\?name=.* → 101.*子协议 chat/);
  }
  assert.equal(await page.inputValue('#chat-a-name'), '小明');
  assert.equal(await page.inputValue('#chat-b-name'), '小红');

  await say(page, 'chat-a', '你好，钟楼 <b>🔔</b>');
  await hasLine(page, 'chat-a-log', 'mine', '小明：你好，钟楼 <b>🔔</b>');
  await hasLine(page, 'chat-b-log', 'theirs', '小明：你好，钟楼 <b>🔔</b>');
  await say(page, 'chat-b', 'hello & 再见');
  await hasLine(page, 'chat-b-log', 'mine', '小红：hello & 再见');
  await hasLine(page, 'chat-a-log', 'theirs', '小红：hello & 再见');

  // Each private text is followed by one to all, so that whoever has that one has missed nothing.
  await say(page, 'chat-a', '@小红 悄悄话');
  await hasLine(page, 'chat-b-log', 'theirs', '@小红 小明：悄悄话');
  await hasLine(page, 'chat-a-log', 'mine', '@小红 小明：悄悄话');
  await page.locator('#chat-b-log li', { hasText: '悄悄话' }).locator('.tag').waitFor();
  await say(page, 'chat-b', '@Guest1 只给你');
  await hasLine(page, 'chat-b-log', 'mine', '@Guest1 小红：只给你');
  await say(page, 'chat-a', '都听到了吗');
  await hasLine(page, 'chat-b-log', 'theirs', '小明：都听到了吗');

  const heard = [];
  while (heard.at(-1) !== '小明：都听到了吗') {
    heard.push(await guest.next());
  }
  assert.deepEqual(heard, [
    '小明：你好，钟楼 <b>🔔</b>',
    '小红：hello & 再见',
    '@Guest1 小红：只给你',
    '小明：都听到了吗',
  ]);
  assert.deepEqual(await messages(page, 'chat-a-log'), [
    '小明：你好，钟楼 <b>🔔</b>',
    '小红：hello & 再见',
    '@小红 小明：悄悄话',
    '小明：都听到了吗',
  ]);
  assertQuiet();
});

test('a pane of the chat leaves, takes another name and comes back', LIMIT, async (t) => {
  const { page, assertQuiet } = await visit(t, '/demo/chat');
  await inState(page, 'chat-a-state', 'open');
  await inState(page, 'chat-b-state', 'open');
  await page.click('#chat-b-disconnect');
  await inState(page, 'chat-b-state', 'closed');
  await hasLine(page, 'chat-b-log', 'system', 'Connection closed, code 1000');
  assert.ok(await page.isDisabled('#chat-b-send'));
  await page.fill('#chat-b-name', 'Carol');
  await page.click('#chat-b-connect');
  await inState(page, 'chat-b-state', 'open');
  await page.uncheck('#chat-sign');
  await say(page, 'chat-a', '@Carol psst');
  await hasLine(page, 'chat-b-log', 'theirs', '@Carol psst');
  assertQuiet();
});

test('every device of a user is notified, by the form and from a shell', LIMIT, async (t) => {
  const { page, assertQuiet } = await visit(t, '/demo/notify');
  const result = page.locator('#publish-result');
  await inState(page, 'device-1-state', 'open');

  await page.fill('#publish-message', '叮咚 <i>1</i> & 100%');
  await page.click('#publish-send');
  await hasLine(page, 'device-1-log', 'theirs', '叮咚 <i>1</i> & 100%');
  await result.getByText('Delivered to 1 session of user 10086.').waitFor();

  await page.click('#device-add');
  await inState(page, 'device-2-state', 'open');
  await page.fill('#device-user', '用户 7/8');
  await page.click('#device-add');
  await inState(page, 'device-3-state', 'open');

  const message = `it's "叮咚" $HOME & 50% + \`x\` \\`;
  await page.fill('#publish-message', message);
  const command = await page.locator('#publish-command').textContent();
  assert.match(command, /^curl /);
  const environment = { ...process.env, NO_PROXY: '*', no_proxy: '*' };
  const { stdout } = await promisify(execFile)('sh', ['-c', command], {
    env: environment,
    timeout: PATIENCE,
  });
  assert.deepEqual(JSON.parse(stdout), { userId: '10086', delivered: 2 });
  await hasLine(page, 'device-1-log', 'theirs', message);
  await hasLine(page, 'device-2-log', 'theirs', message);

  await page.fill('#publish-user', '用户 7/8');
  await page.fill('#publish-message', '只给你');
  await page.click('#publish-send');
  await hasLine(page, 'device-3-log', 'theirs', '只给你');
  assert.deepEqual(await messages(page, 'device-3-log'), ['只给你']);
  assert.deepEqual(await messages(page, 'device-2-log'), [message]);

  await page.fill('#publish-user', 'nobody');
  await page.click('#publish-send');
  await result.getByText('Delivered to 0 sessions: nobody is connected as nobody.').waitFor();
  assertQuiet();
});

test('the clock rings; its page sends, closes and opens again', LIMIT, async (t) => {
  const { page, assertQuiet } = await visit(t, '/demo/clock');
  const pushes = page.locator('#clock-log > li.theirs > .text');
  const rung = (count) =>
    eventually(async () => assert.ok((await pushes.count()) >= count, `${count} pushes`));
  await inState(page, 'clock-state', 'open');
  await rung(2);
  const texts = await pushes.allTextContents();
  texts.forEach((text) => assert.match(text, PUSH));
  assert.notEqual(texts[0], texts[1]);
  const time = await page.locator('#clock-time').textContent();
  assert.ok((await pushes.last().textContent()).endsWith(time));

  const sid = await page.locator('#clock-sid').textContent();
  await page.fill('#clock-input', '你好，敲钟人');
  await page.click('#clock-send');
  await hasLine(page, 'clock-log', 'mine', '你好，敲钟人');
  await server.logged(sid, '你好，敲钟人');

  await page.click('#clock-close');
  await inState(page, 'clock-state', 'closed');
  await page.locator('#clock-state').getByText('Closed (1000)').waitFor();
  const before = await pushes.count();
  await page.click('#clock-open');
  await inState(page, 'clock-state', 'open');
  await rung(before + 1);
  assertQuiet();
});

test('the echo page sends text, bytes and a close', LIMIT, async (t) => {
  const { page, assertQuiet } = await visit(t, '/demo/echo');
  const returned = (kind) => page.locator(`#echo-log > li.in.${kind}`);
  await inState(page, 'echo-state', 'open');

  await page.fill('#echo-text', '你好, bell 🔔');
  await page.click('#echo-send-text');
  const words = returned('words').first();
  await words.locator('.good').waitFor();
  assert.equal(await words.locator('.data').textContent(), '你好, bell 🔔');

  for (const [index, length] of [32, 0, 200_000].entries()) {
    await page.fill('#echo-bytes', String(length));
    await page.click('#echo-send-bytes');
    const bytes = returned('bytes').nth(index);
    await bytes.locator('.good').waitFor();
    assert.equal(await bytes.locator('.size').textContent(), `${length} B`);
  }
  assert.equal(await page.locator('#echo-count').textContent(), '4');
  assert.equal(await page.locator('#echo-log .bad').count(), 0);

  const closed = page.locator('#echo-closed');
  await page.click('#echo-close');
  await closed.getByText(/code 4000 \(a code of the application\).*, clean\.$/).waitFor();
  await inState(page, 'echo-state', 'closed');
  await page.click('#echo-open');
  await inState(page, 'echo-state', 'open');
  await page.fill('#echo-code', '1001');
  await page.click('#echo-close');
  await page.locator('#echo-problem').getByText('browsers keep the others').waitFor();
  await page.fill('#echo-code', '1000');
  await page.click('#echo-close');
  await closed.getByText(/code 1000 .*, clean\.$/).waitFor();
  assertQuiet();
});
