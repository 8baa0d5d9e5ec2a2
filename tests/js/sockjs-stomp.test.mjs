// STOMP over SockJS, as the guide has it: stompjs of today and of old, on each transport.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Client } from '@stomp/stompjs';

import { launch } from './support/browser.mjs';
import { LIMIT } from './support/patience.mjs';
import { Server } from './support/server.mjs';
import {
  IN_CHROMIUM,
  IN_NODE,
  LONG_TEXT,
  nodeClient,
  openSockJsPage,
} from './support/sockjs.mjs';
import { LONG, assertStory, story } from './support/stomp.mjs';

const GUIDE = '/gs-guide-websocket';
const STOMPJS = '@stomp/stompjs/bundles/stomp.umd.min.js';
const STOMPJS_2 = 'stompjs/lib/stomp.js';
const AT_ONCE = 10;

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

/**
 * The guide's story with stompjs. It runs in a page, too, so it uses nothing from outside: the
 * clients are globals. Gives what was seen, for `assertGuide`.
 */
async function guide([url, transport, topic, long, atOnce]) {
  const { Client: StompClient } = globalThis.StompJs;
  const patience = 30_000;
  const within = (promise, what) =>
    Promise.race([
      promise,
      new Promise((_, reject) => {
        setTimeout(() => reject(new Error(`${transport}: in vain for ${what}`)), patience);
      }),
    ]);
  const seen = { beats: 0, transports: [] };
  let look = () => {};
  const until = (condition, what) =>
    within(
      new Promise((resolve) => {
        look = () => condition() && resolve();
        look();
      }),
      what,
    );
  const greetings = [];
  const messages = [];
  let lineEnds = 0;
  const client = new StompClient({
    webSocketFactory: () => {
      const options = { transports: [transport], timeout: patience };
      const socket = new globalThis.SockJS(url, null, options);
      socket.addEventListener('open', () => {
        seen.transports.push(socket.transport);
        // Not before: the prelude of xhr-streaming, which begins with `h`, looks like a heart-beat.
        socket.addEventListener('heartbeat', () => {
          seen.beats += 1;
        });
      });
      return socket;
    },
    reconnectDelay: 0,
    heartbeatIncoming: 500,
    heartbeatOutgoing: 500,
    onHeartbeatReceived: () => {
      lineEnds += 1;
      look();
    },
  });
  const connected = new Promise((resolve, reject) => {
    client.onConnect = ({ headers }) => resolve(headers.version);
    client.onStompError = ({ headers, body }) => reject(new Error(`${headers.message} ${body}`));
    client.onWebSocketClose = ({ code, reason }) => reject(new Error(`${code} ${reason}`));
  });
  client.activate();
  seen.version = await within(connected, 'CONNECTED');
  const receipt = (id) =>
    within(new Promise((resolve) => client.watchForReceipt(id, resolve)), `the receipt ${id}`);
  const subscribe = (destination, keep) => {
    const id = `subscribed-${destination}`;
    const there = receipt(id);
    const put = ({ body }) => {
      keep.push(body);
      look();
    };
    client.subscribe(destination, put, { receipt: id });
    return there;
  };
  await subscribe('/topic/greetings', greetings);
  await subscribe(topic, messages);

  const hello = (name) =>
    client.publish({ destination: '/app/hello', body: JSON.stringify({ name }) });
  // Others greet at the same time.
  const mine = () =>
    greetings.map((body) => JSON.parse(body).content).filter((text) => text.includes(topic));
  hello(`<b>小明</b> & "Co", it's ${topic}`);
  await until(() => mine().length === 1, 'a greeting');
  for (let number = 1; number <= atOnce; number += 1) {
    hello(`${number} ${topic}`);
  }
  await until(() => mine().length === 1 + atOnce, 'greetings at once');
  seen.greetings = mine();
  client.publish({ destination: topic, body: long });
  await until(() => messages.length === 1, 'a long message');
  seen.long = messages[0] === long;
  const before = lineEnds;
  await until(() => lineEnds >= before + 3, 'heart-beats');

  const closed = new Promise((resolve) => {
    client.onWebSocketClose = ({ wasClean }) => resolve(wasClean);
  });
  const receipted = new Promise((resolve) => {
    client.onDisconnect = ({ command }) => resolve(command);
  });
  client.deactivate();
  seen.farewell = await within(receipted, 'the receipt of DISCONNECT');
  seen.clean = await within(closed, 'the close');
  return seen;
}

function assertGuide(seen, transport, topic) {
  const [first, ...others] = seen.greetings;
  const names = Array.from({ length: AT_ONCE }, (_, index) => `Hello, ${index + 1} ${topic}!`);
  assert.equal(
    first,
    `Hello, &lt;b&gt;小明&lt;/b&gt; &amp; &quot;Co&quot;, it&#39;s ${topic}!`,
  );
  assert.deepEqual(others.sort(), names.sort());
  assert.deepEqual(seen, {
    // What SockJS itself would send rests while STOMP's heart-beats run.
    beats: 0,
    transports: [transport],
    version: '1.2',
    greetings: seen.greetings,
    long: true,
    farewell: 'RECEIPT',
    clean: true,
  });
}

/** What `guide` is told. A frame of the guide's endpoint may have 64 KiB, its headers included. */
function chapters(transport, topic) {
  const body = LONG_TEXT.slice(0, LONG_TEXT.length / 2);
  return [server.http(GUIDE), transport, topic, body, AT_ONCE];
}

for (const transport of IN_CHROMIUM) {
  test(`s46_seed_002_stompjs_in_chromium ${transport}`, LIMIT, async (t) => {
    const page = await openSockJsPage(t, browser, server, transport, [STOMPJS]);
    const topic = `/topic/guide-${transport}`;
    const seen = await page.evaluate(guide, chapters(transport, topic));
    assertGuide(seen, transport, topic);
  });

  test(`s46_seed_002_stompjs_2_in_chromium ${transport}`, LIMIT, async (t) => {
    const page = await openSockJsPage(t, browser, server, transport, [STOMPJS_2]);
    const topic = `/topic/old-guide-${transport}`;
    const seen = await page.evaluate(
      `(async () => {
        const story = ${story.toString()};
        const options = { transports: ['${transport}'], timeout: 20000 };
        const connect = () => Stomp.over(new SockJS('${server.http(GUIDE)}', null, options));
        return story(connect, false, '${topic}', '长é'.repeat(10_000));
      })()`,
    );
    assertStory(seen, '1.1', topic, LONG);
  });
}

for (const transport of IN_NODE) {
  test(`s46_seed_002_stompjs_in_node ${transport}`, LIMIT, async () => {
    globalThis.SockJS = nodeClient();
    globalThis.StompJs = { Client };
    const topic = `/topic/guide-in-node-${transport}`;
    assertGuide(await guide(chapters(transport, topic)), transport, topic);
  });
}

/**
 * Runs in a page: a SockJS session without STOMP, and two with it, of which one wants the server's
 * heart-beats often and one wants none. Once the first is told `h`, and the last has had something
 * in its place, gives what the two with STOMP were told until then.
 */
async function resting([base, transport]) {
  const options = { transports: [transport], timeout: 20_000 };
  const opened = (socket) =>
    new Promise((resolve, reject) => {
      socket.onopen = resolve;
      socket.onclose = ({ code, reason }) => reject(new Error(`${code} ${reason}`));
    });
  const stomp = async (heartBeat) => {
    const socket = new globalThis.SockJS(`${base}/gs-guide-websocket`, null, options);
    const link = { beats: 0, lineEnds: 0, frames: 0 };
    await opened(socket);
    socket.onheartbeat = () => {
      link.beats += 1;
    };
    const lineEnd = new Promise((resolve) => {
      socket.onmessage = ({ data }) => {
        link[data === '\n' ? 'lineEnds' : 'frames'] += 1;
        if (data === '\n') {
          resolve();
        }
      };
    });
    socket.send(`CONNECT\naccept-version:1.2\nhost:x\nheart-beat:0,${heartBeat}\n\n\0`);
    return { link, lineEnd };
  };
  const often = await stomp(500);
  const never = await stomp(0);
  const plain = new globalThis.SockJS(`${base}/echo`, null, options);
  await opened(plain);
  const beat = new Promise((resolve) => {
    plain.onheartbeat = resolve;
  });
  await Promise.all([beat, often.lineEnd, never.lineEnd]);
  return [often.link, never.link];
}

const RESTING = ['websocket', 'xhr-streaming', 'eventsource', 'iframe-xhr-polling'];

// It lasts as long as SockJS's own heart-beat, so all transports go through it at the same time.
test('s46_no_heart_beats_of_sockjs_under_stomp', LIMIT, async (t) => {
  const seen = RESTING.map(async (transport) => {
    const page = await openSockJsPage(t, browser, server, transport);
    return page.evaluate(resting, [server.http(''), transport]);
  });
  for (const [index, [often, never]] of (await Promise.all(seen)).entries()) {
    assert.deepEqual([often.beats, never.beats], [0, 0], RESTING[index]);
    // Each has had its CONNECTED.
    assert.deepEqual([often.frames, never.frames], [1, 1], RESTING[index]);
    assert.ok(often.lineEnds > never.lineEnds, RESTING[index]);
  }
});
