// Pages that were written for other servers, opened from a file and from another port.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';

import { launch, openPage } from './support/browser.mjs';
import { connectWs } from './support/clients.mjs';
import { Inbox, LIMIT, eventually } from './support/patience.mjs';
import { Server } from './support/server.mjs';

const NOTIFY = new URL('../pages/seed-001.html', import.meta.url);
const TIMED = new URL('../pages/seed-004.html', import.meta.url);
const USER = '10086';

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

/** A program of the test's own, so that its log and its online count are the test's, too. */
async function start(t) {
  const server = await Server.start();
  t.after(() => server.stop());
  return server;
}

/** Serves one page on a port of its own; gives its address. */
async function serveElsewhere(t, file) {
  const body = await readFile(file);
  const elsewhere = createServer((_, response) => {
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(body);
  });
  t.after(() => {
    elsewhere.close();
    elsewhere.closeAllConnections();
  });
  elsewhere.listen(0, '127.0.0.1');
  await once(elsewhere, 'listening');
  return `http://127.0.0.1:${elsewhere.address().port}/`;
}

/** Opens seed 001; gives the page and what it notes, in order. */
async function openNotify(t, server, url) {
  const page = await openPage(t, browser, { locale: 'zh-CN' });
  const notes = new Inbox();
  const sent = new Inbox();
  page.on('console', (message) => {
    // The browser's own words about an answer that it withholds are errors.
    if (message.type() === 'log') {
      notes.put(message.text());
    }
  });
  page.on('websocket', (socket) => socket.on('framesent', ({ payload }) => sent.put(payload)));
  await page.goto(url);
  assert.equal(await notes.take('the first note'), 'connecting 0');
  assert.equal(await notes.take('the note that it is open'), 'open 1');
  assert.equal(await sent.take('the frame that it sends'), 'test1');
  await server.logged('a message from a client', USER, 'test1');
  return { page, notes };
}

test('seed 001 from a file hears nothing until something is published', LIMIT, async (t) => {
  const server = await start(t);
  const { page, notes } = await openNotify(t, server, `${NOTIFY}#${server.host}`);
  assert.equal(await page.locator('#ready-state').textContent(), '1');
  // The first message ends the page: had anything come before, this one would not be noted.
  const { delivered } = await server.publish(USER, '您有新的订单 & 1+1=2');
  assert.equal(delivered, 1);
  assert.equal(await notes.take('the message'), 'message 您有新的订单 & 1+1=2');
  assert.equal(await notes.take('the close'), 'close 3 1005');
  await eventually(async () => {
    assert.deepEqual(await server.publish(USER, 'late'), { userId: USER, delivered: 0 });
  });
  assert.equal(notes.waiting, 0);
});

test('seed 001 publishes to itself and to the other spelling of the path', LIMIT, async (t) => {
  const server = await start(t);
  const { page, notes } = await openNotify(t, server, `${NOTIFY}#${server.host}`);
  const other = await connectWs(t, server.socket(`/websocket/${USER}`));
  other.sendText('ready');
  await server.logged('a message from a client', USER, 'ready');
  await page.fill('#message', '你好 world');
  await page.click('#publish');
  // The answer of the server and its message take two ways, so either may be first; whether the
  // page may read the answer is up to the browser.
  const noted = [];
  for (let count = 0; count < 3; count += 1) {
    noted.push(await notes.take(`a note after ${JSON.stringify(noted)}`));
  }
  const own = noted.filter((note) => !note.startsWith('published'));
  assert.deepEqual(own, ['message 你好 world', 'close 3 1005']);
  assert.equal(await other.next(), '你好 world');
});

test('seed 001 works from another port', LIMIT, async (t) => {
  const server = await start(t);
  const elsewhere = await serveElsewhere(t, NOTIFY);
  const { notes } = await openNotify(t, server, `${elsewhere}?server=${server.host}`);
  await server.publish(USER, 'ding');
  assert.equal(await notes.take('the message'), 'message ding');
  assert.equal(await notes.take('the close'), 'close 3 1005');
});

for (const [from, address] of [
  ['another port', (t) => serveElsewhere(t, TIMED)],
  ['a file', async () => TIMED.href],
]) {
  test(`seed 004 from ${from} receives the pushes, sends and closes`, LIMIT, async (t) => {
    const server = await start(t);
    const page = await openPage(t, browser, { locale: 'zh-CN' });
    await page.goto(`${await address(t)}#${server.host}`);
    const shown = async () => {
      const html = await page.locator('#message').innerHTML();
      return html.split('<br>').filter((line) => line !== '');
    };
    await eventually(async () => assert.ok((await shown()).length >= 2));
    const [first, push] = await shown();
    assert.equal(first, '连接成功');
    assert.match(push, /^这是来自服务端的消息：\d\d:\d\d:\d\d$/);

    const text = `来自 ${from} 的消息`;
    await page.fill('#text', text);
    await page.click('#send');
    await server.logged('a message from a client', text);
    await page.click('#close');
    await eventually(async () => assert.equal((await shown()).at(-1), 'close'));
    const all = await shown();
    assert.ok(!all.includes(text), 'the server does not echo');
    assert.ok(!all.includes('error'));
  });
}
