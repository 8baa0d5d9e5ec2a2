// sockjs-client 1.6.1, which is what pages of SockJS run: on each of its transports, in Chromium on
// pages of other origins, and in Node.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { launch } from './support/browser.mjs';
import { LIMIT, eventually } from './support/patience.mjs';
import { Server } from './support/server.mjs';
import {
  IN_NODE,
  LONG_TEXT,
  assertTale,
  awkwardMessages,
  nodeClient,
  openSockJsPage,
  tale,
} from './support/sockjs.mjs';

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

/** A test of one transport in Chromium. */
function inChromium(transport) {
  return async (t) => {
    const page = await openSockJsPage(t, browser, server, transport);
    assertTale(await page.evaluate(tale, chapters(transport)), transport);
  };
}

test('s39_s55_websocket_in_chromium', LIMIT, inChromium('websocket'));
test('s40_s55_xhr_polling_in_chromium', LIMIT, inChromium('xhr-polling'));
test('s41_s48_s55_xhr_streaming_in_chromium', LIMIT, inChromium('xhr-streaming'));
test('s42_s48_s55_eventsource_in_chromium', LIMIT, inChromium('eventsource'));
test('s43_s48_s55_htmlfile_in_chromium', LIMIT, inChromium('htmlfile'));
test('s42_s44_s45_iframe_eventsource_in_chromium', LIMIT, inChromium('iframe-eventsource'));
test('s43_s44_s45_iframe_htmlfile_in_chromium', LIMIT, inChromium('iframe-htmlfile'));
test('s40_s44_s45_iframe_xhr_polling_in_chromium', LIMIT, inChromium('iframe-xhr-polling'));
test('s55_s56_jsonp_polling_in_chromium', LIMIT, inChromium('jsonp-polling'));

for (const transport of IN_NODE) {
  test(`s39_s40_s41_s42_s55_in_node ${transport}`, LIMIT, async () => {
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
  page.on('requestfinished', keep);
  await page.evaluate(([url]) => {
    return new Promise((resolve, reject) => {
      const socket = new window.SockJS(url, null, { transports: 'xhr-polling', timeout: 20_000 });
      const numbers = [1, 2, 3];
      const ask = () => (numbers.length > 0 ? socket.send(numbers.shift()) : resolve());
      socket.onopen = ask;
      socket.onmessage = ask;
      socket.onclose = ({ code, reason }) => reject(new Error(`${code} ${reason}`));
    });
  }, [server.http('/cookie_needed_echo')]);
  await eventually(() => assert.ok(sent.length >= 6));
  page.off('requestfinished', keep);
  const [first, ...others] = await Promise.all(sent);
  assert.equal(first, undefined);
  assert.deepEqual([...new Set(others)], ['JSESSIONID=dummy']);
});
