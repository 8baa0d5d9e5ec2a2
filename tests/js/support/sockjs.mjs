// The real sockjs-client, in Chromium and in Node, and what it goes through on each transport.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

import { openPage } from './browser.mjs';
import { serveElsewhere } from './elsewhere.mjs';

/** sockjs-client for browsers, in node_modules. */
export const LIBRARY = 'sockjs-client/dist/sockjs.min.js';

/**
 * What works in Chromium on a page of another origin. `xdr-streaming`, `xdr-polling` and their
 * iframes are for Internet Explorer 8 and 9 alone: sockjs-client enables them nowhere else.
 */
export const FROM_ELSEWHERE = [
  'websocket',
  'xhr-streaming',
  'xhr-polling',
  'eventsource',
  'iframe-eventsource',
  'iframe-htmlfile',
  'iframe-xhr-polling',
  'jsonp-polling',
];

/** All that work in Chromium: `htmlfile` without a frame only where the page is the server's own. */
export const IN_CHROMIUM = [...FROM_ELSEWHERE, 'htmlfile'];

/** What works in Node, where there are no documents. */
export const IN_NODE = ['websocket', 'xhr-streaming', 'xhr-polling', 'eventsource'];

const EMPTY_PAGE = '<!DOCTYPE html><title>empty</title><body></body>';

/** sockjs-client for Node; it sets no globals. */
export function nodeClient() {
  return createRequire(import.meta.url)('sockjs-client');
}

/**
 * A page with the library: from elsewhere, or for `htmlfile` from the server's own origin, which
 * that transport needs. `scripts` are files of node_modules to add.
 */
export async function openSockJsPage(t, browser, server, transport, scripts = []) {
  const page = await openPage(t, browser);
  if (transport === 'htmlfile') {
    // The greeting is a document like any other, and from the right place.
    await page.goto(server.http('/echo'));
  } else {
    await page.goto(await serveElsewhere(t, EMPTY_PAGE));
  }
  await addScripts(page, [LIBRARY, ...scripts]);
  return page;
}

/** Adds files of node_modules to a page as its scripts. */
export async function addScripts(page, scripts) {
  for (const script of scripts) {
    const file = new URL(`../node_modules/${script}`, import.meta.url);
    await page.addScriptTag({ path: fileURLToPath(file) });
  }
}

const ASTRAL = ['😀', '👩‍👩‍👧‍👦', '🇨🇳', '𝄞', '\u{10000}', '\u{10ffff}', '\u{1d11e}\u{1f4a9}'];

/** What could be taken for something else on the way, or be changed. */
const AWKWARD = [
  '',
  ' ',
  '  leading and trailing  ',
  'o',
  'h',
  'a["x"]',
  'c[3000,"Go away!"]',
  '[]',
  '["x"]',
  '"',
  '\\',
  '\\"\\\\',
  "'",
  '\n',
  '\r\n\r\n',
  'data: x\n\nevent: y',
  '\0',
  '</script><script>x</script>',
  '<!--',
  ']]>',
  '&amp;<>',
  '100%',
  '%41%zz%',
  'a+b=c&d=e;f',
  '\u2028\u2029',
  '\ud800',
  '\udc00x',
  '\udfff\ud800',
  '\ufeff',
];

const BASIC_PLANE = 0x10000;

/**
 * A hundred messages which have each code point of the basic plane between them, lone surrogates
 * included, and whatever has a meaning in one of the transports.
 */
export function awkwardMessages() {
  const blocks = 100 - AWKWARD.length - ASTRAL.length;
  const size = Math.ceil(BASIC_PLANE / blocks);
  const planes = Array.from({ length: blocks }, (_, block) => {
    const codes = Array.from({ length: size }, (_unused, index) => block * size + index);
    return String.fromCharCode(...codes.filter((code) => code < BASIC_PLANE));
  });
  return [...AWKWARD, ...ASTRAL, ...planes];
}

/** 64 KiB of text in which bytes, characters and code units are not the same number. */
export const LONG_TEXT = 'é长😀 "\\\n'.repeat(4_096) + 'x'.repeat(12_288);

/**
 * What a client goes through on one transport with the services for sockjs-client's own tests. It
 * runs in a page, too, so it uses nothing from outside. `messages` are JSON, because a page cannot
 * be handed lone surrogates otherwise. Gives what was seen, for `assertTale`.
 */
export async function tale([base, transport, messages, long]) {
  const { SockJS } = globalThis;
  const patience = 30_000;
  const within = (promise, what) =>
    Promise.race([
      promise,
      new Promise((_, reject) => {
        setTimeout(() => reject(new Error(`${transport}: in vain for ${what}`)), patience);
      }),
    ]);
  const connect = async (service) => {
    // A machine that is busy makes no transport fail.
    const options = { transports: [transport], timeout: patience };
    const socket = new SockJS(`${base}${service}`, null, options);
    const link = { socket, got: [] };
    let look = () => {};
    link.until = (condition, what) =>
      within(
        new Promise((resolve) => {
          look = () => condition(link.got) && resolve();
          look();
        }),
        `${what} at ${service} after ${link.got.length} messages`,
      );
    socket.onmessage = ({ data }) => {
      link.got.push(data);
      look();
    };
    const closed = new Promise((resolve) => {
      socket.onclose = ({ code, reason, wasClean }) => resolve([code, reason, wasClean]);
    });
    link.closed = () => within(closed, `the close of ${service}`);
    const opened = new Promise((resolve) => {
      socket.onopen = () => resolve(socket.transport);
    });
    link.transport = await within(Promise.race([opened, closed]), `${service} to open`);
    return link;
  };
  const seen = { transport };
  const answers = async (link, question, what) => {
    const { length } = link.got;
    link.socket.send(question);
    await link.until((got) => got.length > length, what);
    return link.got[length];
  };

  const echo = await connect('/echo');
  seen.opened = echo.transport;
  const texts = JSON.parse(messages);
  texts.forEach((text) => echo.socket.send(text));
  await echo.until((got) => got.length >= texts.length, 'the echoes');
  // No lone surrogate can be in UTF-8.
  const wanted = texts.map((text) => text.toWellFormed());
  seen.echoed = echo.got.length;
  const brief = (text) => escape(text).slice(0, 80);
  seen.changed = wanted.flatMap((text, index) =>
    echo.got[index] === text ? [] : [[index, brief(text), brief(echo.got[index])]],
  );
  seen.long = (await answers(echo, long, 'a long message')) === long;
  echo.socket.close(4001, 'enough');
  seen.left = await echo.closed();

  const again = await connect('/echo');
  seen.again = await answers(again, 'again', 'an echo');
  again.socket.close();
  seen.leftAgain = await again.closed();

  const refused = await connect('/close');
  seen.goAway = [refused.transport, await refused.closed()];

  const plain = await connect('/disabled_websocket_echo');
  seen.plain =
    transport === 'websocket' ? plain.transport : await answers(plain, 'plain', 'an echo');
  plain.socket.close();

  const ticker = await connect('/ticker');
  await ticker.until((got) => got.length >= 2, 'two ticks');
  seen.ticks = ticker.got.slice(0, 2);
  ticker.socket.close();

  const amplifier = await connect('/amplify');
  seen.amplified = [];
  for (const exponent of ['1', '10', '19']) {
    const text = await answers(amplifier, exponent, `2^${exponent} bytes`);
    seen.amplified.push([text.length, new Set(text).size]);
  }
  amplifier.socket.close();

  const [one, other] = [await connect('/broadcast'), await connect('/broadcast')];
  const both = (got) => ['from one', 'from the other'].every((text) => got.includes(text));
  one.socket.send('from one');
  other.socket.send('from the other');
  await one.until(both, 'both messages');
  await other.until(both, 'both messages');
  one.socket.close();
  other.socket.close();
  seen.broadcast = true;
  return seen;
}

/** Checks what a client saw that went through the tale. */
export function assertTale(seen, transport) {
  assert.deepEqual(seen, {
    transport,
    opened: transport,
    echoed: 100,
    changed: [],
    long: true,
    left: [4001, 'enough', true],
    again: 'again',
    leftAgain: [1000, 'Normal closure', true],
    goAway: [transport, [3000, 'Go away!', true]],
    plain: transport === 'websocket' ? [2000, 'All transports failed', false] : 'plain',
    ticks: ['tick!', 'tick!'],
    amplified: [
      [2, 1],
      [1024, 1],
      [524_288, 1],
    ],
    broadcast: true,
  });
}
