// sockjs-client 1.6.1, which is what pages of SockJS run: on each of its transports, in Chromium on
// pages of other origins, and in Node.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { launch } from './support/browser.mjs';
import { LIMIT } from './support/patience.mjs';
import { Server } from './support/server.mjs';
import {
  IN_CHROMIUM,
  IN_NODE,
  LONG_TEXT,
  assertTale,
  awkwardMessages,
  nodeClient,
  openSockJsPage,
  tale,
} from './support/sockjs.mjs';

/** The feature that each transport shows, beside those of the service that are common to all. */
const FEATURES = {
  websocket: 's39',
  'xhr-streaming': 's41',
  'xhr-polling': 's40',
  eventsource: 's42',
  htmlfile: 's43',
  'iframe-eventsource': 's42_s44_s45',
  'iframe-htmlfile': 's43_s44_s45',
  'iframe-xhr-polling': 's40_s44_s45',
  'jsonp-polling': 's56',
};

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

function chapters(transport) {
  return [server.http(''), transport, JSON.stringify(awkwardMessages()), LONG_TEXT];
}

for (const transport of IN_CHROMIUM) {
  test(`${FEATURES[transport]}_s55_in_chromium ${transport}`, LIMIT, async (t) => {
    const page = await openSockJsPage(t, browser, server, transport);
    assertTale(await page.evaluate(tale, chapters(transport)), transport);
  });
}

for (const transport of IN_NODE) {
  test(`${FEATURES[transport]}_s55_in_node ${transport}`, LIMIT, async () => {
    globalThis.SockJS = nodeClient();
    assertTale(await tale(chapters(transport)), transport);
  });
}

/** Opens a session with whatever transport the library takes; gives its name and an echo. */
function unasked([url]) {
  return new Promise((resolve, reject) => {
    const socket = new globalThis.SockJS(url, null, { timeout: 20_000 });
    socket.onopen = () => socket.send('hello');
    socket.onmessage = ({ data }) => {
      resolve([socket.transport, data]);
      socket.close();
    };
    socket.onclose = ({ code, reason }) => reject(new Error(`${code} ${reason}`));
  });
}

test('s35_s37_without_websockets_the_library_takes_the_next_transport', LIMIT, async (t) => {
  for (const origin of ['elsewhere', 'htmlfile']) {
    const page = await openSockJsPage(t, browser, server, origin);
    const taken = async (path) => page.evaluate(unasked, [server.http(path)]);
    assert.deepEqual(await taken('/echo'), ['websocket', 'hello']);
    assert.deepEqual(await taken('/echo/'), ['websocket', 'hello']);
    assert.deepEqual(await taken('/disabled_websocket_echo'), ['xhr-streaming', 'hello']);
  }
});

test('s36_the_cookie_for_load_balancers_goes_with_each_request', LIMIT, async (t) => {
  const page = await openSockJsPage(t, browser, server, 'elsewhere');
  const sent = [];
  const keep = (request) => {
    if (/\/xhr(_send)?\?/.test(request.url())) {
      sent.push(request.allHeaders().then(({ cookie }) => cookie));
    }
  };
  page.on('request', keep);
  const answered = await page.evaluate(([url]) => {
    return new Promise((resolve, reject) => {
      const socket = new window.SockJS(url, null, { transports: 'xhr-polling', timeout: 20_000 });
      socket.onopen = () => socket.send('hello');
      socket.onmessage = ({ data }) => {
        resolve(data);
        socket.close();
      };
      socket.onclose = ({ code, reason }) => reject(new Error(`${code} ${reason}`));
    });
  }, [server.http('/cookie_needed_echo')]);
  assert.equal(answered, 'hello');
  page.off('request', keep);
  const [first, ...others] = await Promise.all(sent);
  assert.equal(first, undefined);
  assert.ok(others.length >= 2);
  assert.deepEqual([...new Set(others)], ['JSESSIONID=dummy']);
});
