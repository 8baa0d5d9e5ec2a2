// STOMP clients in a real browser, on pages that come from elsewhere.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { launch, openPage } from './support/browser.mjs';
import { serveElsewhere } from './support/elsewhere.mjs';
import { LIMIT, eventually, within } from './support/patience.mjs';
import { Server } from './support/server.mjs';
import { LONG, assertStory, story } from './support/stomp.mjs';

const GUIDE = new URL('../pages/seed-002.html', import.meta.url);
const PACKAGE = new URL('./node_modules/@stomp/stompjs/', import.meta.url);

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

function greetings(page) {
  return page.locator('#greetings td').allTextContents();
}

async function say(page, name) {
  await page.fill('#name', name);
  await page.click('#send');
}

test('seed_002_the_program_serves_stompjs_as_it_is_in_the_package', async () => {
  const served = [
    ['/assets/stomp.umd.min.js', 'bundles/stomp.umd.min.js', /^text\/javascript/],
    ['/assets/stomp.LICENSE.txt', 'LICENSE', /^text\/plain/],
  ];
  for (const [path, file, type] of served) {
    const answer = await fetch(server.http(path));
    assert.equal(answer.status, 200);
    assert.match(answer.headers.get('content-type'), type);
    const bytes = Buffer.from(await answer.arrayBuffer());
    assert.ok(bytes.equals(await readFile(new URL(file, PACKAGE))), path);
  }
  const { version } = JSON.parse(await readFile(new URL('package.json', PACKAGE), 'utf8'));
  const page = await (await fetch(server.http('/demo/greetings'))).text();
  assert.ok(page.includes(`With the program come stompjs ${version} (`));
});

for (const where of ['another port', 'a file']) {
  test(`seed_002_the_guide_page_works_from ${where}`, LIMIT, async (t) => {
    const url =
      where === 'a file'
        ? `${GUIDE.href}?server=${server.host}`
        : `${await serveElsewhere(t, await readFile(GUIDE))}#${server.host}`;
    const [ada, bob] = [await openPage(t, browser), await openPage(t, browser)];
    for (const page of [ada, bob]) {
      await page.goto(url);
      await page.click('#connect');
      await page.locator('#disconnect:enabled').waitFor();
    }
    // Both have subscribed once a greeting of each has come to it.
    await eventually(async () => {
      await say(ada, '<b>Ada</b> & 小明');
      assert.ok((await greetings(ada)).length > 0);
      assert.ok((await greetings(bob)).length > 0);
    });
    const hello = 'Hello, <b>Ada</b> & 小明!';
    assert.ok((await greetings(ada)).every((greeting) => greeting === hello));
    assert.equal(await ada.locator('#greetings b').count(), 0);
    await say(bob, 'Bob');
    await ada.locator('#greetings td', { hasText: 'Hello, Bob!' }).waitFor();
    await bob.click('#disconnect');
    assert.deepEqual(await greetings(bob), []);
    await say(ada, 'Carol');
    await ada.locator('#greetings td', { hasText: 'Hello, Carol!' }).waitFor();
    assert.deepEqual(await greetings(bob), []);
    await bob.click('#connect');
    await bob.locator('#disconnect:enabled').waitFor();
  });
}

const WEBSTOMP = 'webstomp-client/dist/webstomp.js';

/** Where a client is, which version it comes to speak, in which order it sends, how it is made. */
const OLDER = [
  ['stompjs/lib/stomp.js', '1.1', false, 'Stomp.client(url)'],
  // It offers 1.0 first, and the highest of a client's sub-protocols is taken.
  [WEBSTOMP, '1.2', true, 'webstomp.client(url)'],
  [WEBSTOMP, '1.0', true, "webstomp.client(url, { protocols: ['v10.stomp'] })"],
  [WEBSTOMP, '1.1', true, "webstomp.client(url, { binary: true, protocols: ['v11.stomp'] })"],
];

for (const [file, version, bodyFirst, connect] of OLDER) {
  test(`seed_002_in_chromium ${connect}`, LIMIT, async (t) => {
    const page = await openPage(t, browser);
    await page.goto(await serveElsewhere(t, '<!DOCTYPE html><title>empty</title>'));
    const library = new URL(`./node_modules/${file}`, import.meta.url);
    await page.addScriptTag({ path: fileURLToPath(library) });
    const topic = `/topic/browser-${version}-${file.length}`;
    const told = page.evaluate(
      `(async () => {
        const url = ${JSON.stringify(server.socket('/gs-guide-websocket'))};
        const story = ${story.toString()};
        return story(() => ${connect}, ${bodyFirst}, '${topic}', '长é'.repeat(10_000),
          ${version !== '1.0'});
      })()`,
    );
    assertStory(await within(told, 'the end of the story'), version, topic, LONG);
  });
}

test('seed_002_stompjs_in_chromium_speaks_every_version_and_binary', LIMIT, async (t) => {
  const page = await openPage(t, browser);
  await page.goto(await serveElsewhere(t, '<!DOCTYPE html><title>empty</title>'));
  await page.addScriptTag({ url: server.http('/assets/stomp.umd.min.js') });
  for (const version of ['1.0', '1.1', '1.2']) {
    const told = page.evaluate(
      async ([brokerURL, only]) => {
        const { Client, Versions } = window.StompJs;
        const client = new Client({ brokerURL, stompVersions: new Versions([only]) });
        client.heartbeatIncoming = 500;
        const beat = new Promise((resolve) => {
          client.onHeartbeatReceived = resolve;
        });
        const refused = new Promise((resolve) => {
          client.onStompError = (frame) => resolve(frame.headers.message);
        });
        await new Promise((resolve) => {
          client.onConnect = resolve;
          client.activate();
        });
        const topic = `/topic/chromium-${only}`;
        const receipt = (id) => new Promise((resolve) => client.watchForReceipt(id, resolve));
        const bytes = [];
        const came = new Promise((resolve) => {
          const keep = (message) => {
            bytes.push([...message.binaryBody]);
            resolve();
          };
          client.subscribe(topic, keep, { receipt: 'subscribed' });
        });
        await receipt('subscribed');
        client.publish({
          destination: topic,
          binaryBody: Uint8Array.from([0, 255, 10, 0, 128]),
          headers: { 'content-type': 'application/octet-stream' },
        });
        await came;
        if (only !== '1.0') {
          await beat;
        }
        const { connectedVersion } = client;
        client.publish({ destination: '/nowhere', body: '' });
        const word = await refused;
        await client.deactivate();
        return { connectedVersion, bytes, word };
      },
      [server.socket('/stomp'), version],
    );
    assert.deepEqual(await within(told, 'the end of the story'), {
      connectedVersion: version,
      bytes: [[0, 255, 10, 0, 128]],
      word: 'unknown-destination',
    });
  }
});
