// SIGTERM while people are connected: everybody is told, and the program ends well.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { hasLine, inState, launch, openPage } from './support/browser.mjs';
import { CLIENTS } from './support/clients.mjs';
import { serveElsewhere } from './support/elsewhere.mjs';
import { allSubscribed, listenEachWay, sights } from './support/listening.mjs';
import { LIMIT, eventually, within } from './support/patience.mjs';
import { Server } from './support/server.mjs';
import { IN_CHROMIUM, IN_NODE, nodeClient, openSockJsPage } from './support/sockjs.mjs';

const CROWD = 40;

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

/** A program that does not outlive the test. */
async function start(t) {
  const server = await Server.start();
  t.after(() => server.stop());
  return server;
}

async function assertEndsWell(server) {
  assert.deepEqual(await server.ended(), { code: 0, signal: null });
  await assert.rejects(fetch(server.http('/')));
}

test('open pages see code 1001 and the program ends with status 0', LIMIT, async (t) => {
  const server = await start(t);
  const page = await openPage(t, browser);
  await page.goto(server.http('/demo/chat'));
  await inState(page, 'chat-a-state', 'open');
  await inState(page, 'chat-b-state', 'open');
  const clock = await page.context().newPage();
  await clock.goto(server.http('/demo/clock'));
  await inState(clock, 'clock-state', 'open');
  // A handle, so that its promise is not awaited here.
  const own = await clock.evaluateHandle(async () => {
    const socket = new WebSocket(`ws://${location.host}/echo`);
    const closed = new Promise((resolve) => {
      socket.onclose = ({ code, reason, wasClean }) => resolve({ code, reason, wasClean });
    });
    await new Promise((resolve) => {
      socket.onopen = resolve;
    });
    return { closed };
  });

  server.terminate();
  const { code, reason, wasClean } = await own.evaluate(({ closed }) => closed);
  assert.equal(code, 1001);
  assert.ok(wasClean);
  assert.notEqual(reason, '');
  for (const pane of ['chat-a', 'chat-b']) {
    await hasLine(page, `${pane}-log`, 'system', 'Connection closed, code 1001');
  }
  await hasLine(clock, 'clock-log', 'system', 'Connection closed, code 1001');
  await assertEndsWell(server);
  // The pages come back by themselves, so they say that they try.
  await page.locator('#chat-a-state').getByText(/Retry in|is it running/).first().waitFor();
});

test(`each of ${CROWD} clients sees code 1001 with a reason`, LIMIT, async (t) => {
  const server = await start(t);
  const paths = ['/chat', '/echo', '/ws/me', '/websocket/10086', '/webSocket/10086'];
  const crowd = await Promise.all(
    Array.from({ length: CROWD }, (_, number) =>
      CLIENTS[number % CLIENTS.length][1](t, server.socket(paths[number % paths.length])),
    ),
  );
  server.terminate();
  for (const client of crowd) {
    const { code, reason } = await client.waitForClose();
    assert.equal(code, 1001);
    assert.notEqual(reason, '');
  }
  await assertEndsWell(server);
});

test('a program that nobody uses ends with status 0', LIMIT, async (t) => {
  const server = await start(t);
  server.terminate();
  await assertEndsWell(server);
});

/** Opens a SockJS session, in a page or here; gives what settles with its close. */
async function openSockJs([url, transport]) {
  const options = { transports: [transport], timeout: 20_000 };
  const socket = new globalThis.SockJS(url, null, options);
  const closed = new Promise((resolve) => {
    socket.onclose = ({ code, reason, wasClean }) => resolve([transport, code, reason, wasClean]);
  });
  const opened = new Promise((resolve) => {
    socket.onopen = () => resolve();
  });
  await Promise.race([opened, closed]);
  if (socket.readyState !== 1) {
    throw new Error(`${transport} is not open`);
  }
  return { closed };
}

test('s39_s40_s41_s42_s43_sigterm_is_told_on_each_transport_of_sockjs', LIMIT, async (t) => {
  const server = await start(t);
  const url = server.http('/echo');
  const ends = [];
  for (const transport of IN_CHROMIUM) {
    const page = await openSockJsPage(t, browser, server, transport);
    const link = await page.evaluateHandle(openSockJs, [url, transport]);
    ends.push(() => link.evaluate(({ closed }) => closed));
  }
  globalThis.SockJS = nodeClient();
  for (const transport of IN_NODE) {
    const { closed } = await openSockJs([url, transport]);
    ends.push(() => closed);
  }
  server.terminate();
  for (const [index, transport] of [...IN_CHROMIUM, ...IN_NODE].entries()) {
    const [name, code, reason, wasClean] = await within(ends[index](), `the end of ${transport}`);
    assert.deepEqual([name, code, wasClean], [transport, 1001, true]);
    assert.match(reason, /^leaving: /);
  }
  await assertEndsWell(server);
});

test('events_sigterm_is_told_each_way', LIMIT, async (t) => {
  const server = await start(t);
  const page = await openPage(t, browser);
  await page.goto(await serveElsewhere(t, '<!DOCTYPE html><title>empty</title>'));
  await listenEachWay(page, server.http(''), 'destination=/topic/leaving');
  await allSubscribed(page);
  server.terminate();
  await eventually(async () => {
    for (const [way, { closes, problems }] of Object.entries(await sights(page))) {
      assert.deepEqual(problems, [], way);
      assert.equal(closes.length, 1, way);
      assert.equal(closes[0].code, 1001, way);
      assert.match(closes[0].reason, /^leaving: /, way);
    }
  });
  await assertEndsWell(server);
});
