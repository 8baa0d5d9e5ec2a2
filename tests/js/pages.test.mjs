// What all pages have in common: links, languages, themes, phones, and no surprises.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { inState, launch, openPage, overhang, watch } from './support/browser.mjs';
import { LIMIT, eventually } from './support/patience.mjs';
import { Server } from './support/server.mjs';

const PHONE = { width: 390, height: 844 };

/** Each page, and the id of the state of a link on it that opens by itself. */
const PAGES = [
  ['/', null],
  ['/demo/chat', 'chat-b-state'],
  ['/demo/notify', 'device-1-state'],
  ['/demo/clock', 'clock-state'],
  ['/demo/greetings', 'greetings-state'],
  ['/demo/recovery', 'recovery-state'],
  ['/demo/echo', 'echo-state'],
  ['/demo/protocol', null],
];

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

/** Goes to a page of the list and waits until it does what it does by itself. */
async function arrive(page, [path, state]) {
  const response = await page.goto(server.http(path));
  assert.equal(response.status(), 200);
  if (state) {
    await inState(page, state, 'open');
  }
}

for (const entry of PAGES) {
  test(`${entry[0]} loads only from here, and its links lead to pages`, LIMIT, async (t) => {
    const page = await openPage(t, browser);
    const { assertQuiet } = await watch(page, server.host);
    await arrive(page, entry);
    const links = await page.$$eval('a[href]', (all) => all.map((link) => link.href));
    assert.ok(links.length >= PAGES.length);
    for (const link of new Set(links)) {
      assert.equal(new URL(link).host, server.host);
      const response = await page.request.get(link);
      assert.equal(response.status(), 200, link);
      const kind = link.endsWith('.txt') ? /^text\/plain/ : /^text\/html/;
      assert.match(response.headers()['content-type'], kind);
      const { hash } = new URL(link);
      if (hash) {
        assert.ok((await response.text()).includes(`id="${hash.slice(1)}"`), link);
      }
    }
    assertQuiet();
  });

  test(`${entry[0]} is there in both languages and keeps the choice`, LIMIT, async (t) => {
    const page = await openPage(t, browser);
    const { assertQuiet } = await watch(page, server.host);
    await arrive(page, entry);
    // What the page says in one language where it says something else in the other.
    const speaks = (language) =>
      page.$$eval(
        'body [data-zh]',
        (all, attribute) =>
          all.every((element) => element.textContent === element.getAttribute(attribute)),
        `data-${language}`,
      );
    const title = () => page.locator('h1').first().textContent();
    const english = await title();
    assert.equal(await page.getAttribute('html', 'lang'), 'en');
    assert.doesNotMatch(english, /\p{Script=Han}/u);

    await page.click('#language-toggle');
    assert.equal(await page.getAttribute('html', 'lang'), 'zh-CN');
    assert.ok(await speaks('zh'));
    assert.match(await title(), /\p{Script=Han}/u);
    await page.reload();
    await eventually(async () => assert.ok(await speaks('zh')));
    assert.equal(await page.getAttribute('html', 'lang'), 'zh-CN');

    await page.click('#language-toggle');
    assert.equal(await title(), english);
    assert.ok(await speaks('en'));
    assertQuiet();
  });

  test(`${entry[0]} has two themes and keeps the choice`, LIMIT, async (t) => {
    const page = await openPage(t, browser, { colorScheme: 'light', reducedMotion: 'reduce' });
    const { assertQuiet } = await watch(page, server.host);
    await arrive(page, entry);
    const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const theme = () => page.getAttribute('html', 'data-theme');
    const light = await background();
    assert.equal(await theme(), 'light');
    await page.click('#theme-toggle');
    assert.equal(await theme(), 'dark');
    await eventually(async () => assert.notEqual(await background(), light));
    await page.reload();
    assert.equal(await theme(), 'dark');
    assert.notEqual(await background(), light);
    await page.click('#theme-toggle');
    assert.equal(await theme(), 'light');
    await eventually(async () => assert.equal(await background(), light));
    assertQuiet();
  });

  test(`${entry[0]} fits a phone in both languages`, LIMIT, async (t) => {
    for (const locale of ['en-US', 'zh-CN']) {
      const page = await openPage(t, browser, {
        locale,
        viewport: PHONE,
        isMobile: true,
        hasTouch: true,
      });
      await arrive(page, entry);
      await page.locator('h1').first().waitFor({ state: 'visible' });
      assert.equal(await overhang(page), 0, locale);
    }
  });
}

test('a long word does not widen the chat on a phone', LIMIT, async (t) => {
  const page = await openPage(t, browser, { viewport: PHONE, isMobile: true });
  await arrive(page, PAGES[1]);
  await inState(page, 'chat-a-state', 'open');
  const word = 'ding'.repeat(100);
  await page.fill('#chat-a-input', word);
  await page.click('#chat-a-send');
  await page.locator('#chat-b-log .message', { hasText: word }).waitFor();
  await page.locator('#chat-b-wire summary').click();
  assert.equal(await overhang(page), 0);
});

test('an address without a page answers 404 with a page', LIMIT, async (t) => {
  const page = await openPage(t, browser);
  const { complaints } = await watch(page, server.host);
  for (const path of ['/nowhere', '/demo/nowhere', '/assets/nowhere.js', '/Chat/']) {
    const response = await page.goto(server.http(path));
    assert.equal(response.status(), 404);
    assert.match(response.headers()['content-type'], /^text\/html/);
    await page.locator('h1').getByText('No bell hangs here').waitFor();
    await page.locator('#missing-path').getByText(path, { exact: true }).waitFor();
  }
  // The status itself is all that the browser may have to say.
  assert.deepEqual(complaints.filter((complaint) => !complaint.includes('404')), []);
  await page.click('#home-link');
  await page.waitForURL(server.http('/'));
});

test('pages forbid framing and foreign scripts', LIMIT, async (t) => {
  const page = await openPage(t, browser);
  const response = await page.goto(server.http('/'));
  const policy = response.headers()['content-security-policy'];
  assert.match(policy, /default-src 'self'/);
  assert.match(policy, /frame-ancestors 'none'/);
  assert.equal(response.headers()['x-content-type-options'], 'nosniff');
  const ran = await page.evaluate(() => {
    const script = document.createElement('script');
    script.textContent = 'window.ran = true;';
    document.body.append(script);
    return Boolean(window.ran);
  });
  assert.equal(ran, false);
});
