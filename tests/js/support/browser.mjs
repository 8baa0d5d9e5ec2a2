// Headless Chromium, and pages that are watched for everything a good page does not do.

import assert from 'node:assert/strict';

import { chromium } from 'playwright-core';

import { PATIENCE, eventually } from './patience.mjs';

const CHROMIUM = '/usr/bin/chromium';

const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Starts the browser, with more flags if need be; the caller closes it. */
export function launch(more = []) {
  const args = [...FLAGS, ...more];
  return chromium.launch({ executablePath: CHROMIUM, args, timeout: PATIENCE });
}

/**
 * A page in a profile of its own, which ends with the test `t`. `options` are those of a browser
 * context, such as `locale` and `viewport`.
 */
export async function openPage(t, browser, options = {}) {
  const context = await browser.newContext({ locale: 'en-US', ...options });
  t.after(() => context.close());
  context.setDefaultTimeout(PATIENCE);
  return context.newPage();
}

/**
 * Watches a page from now on: errors on the console, exceptions, violations of the content security
 * policy, answers of 400 and above, and traffic with another host than `host`.
 */
export async function watch(page, host) {
  const complaints = [];
  const check = (url) => {
    const { protocol, host: other } = new URL(url);
    if (!['data:', 'blob:', 'about:'].includes(protocol) && other !== host) {
      complaints.push(`traffic with another host: ${url}`);
    }
  };
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') {
      complaints.push(`${message.type()} on the console: ${message.text()}`);
    }
  });
  page.on('pageerror', (error) => complaints.push(`exception: ${error.message}`));
  page.on('request', (request) => check(request.url()));
  page.on('websocket', (socket) => check(socket.url()));
  page.on('response', (response) => {
    if (response.status() >= 400) {
      complaints.push(`${response.status()} for ${response.url()}`);
    }
  });
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => {
      console.error(`policy ${event.violatedDirective} forbids ${event.blockedURI}`);
    });
  });
  return {
    complaints,
    assertQuiet: () => assert.deepEqual(complaints, []),
  };
}

/** Waits until the link whose state element has the id `id` is in `state`. */
export function inState(page, id, state) {
  return page.locator(`#${id}[data-state="${state}"]`).waitFor();
}

/** Waits until the log `id` has a line of the class `kind` with exactly this text. */
export async function hasLine(page, id, kind, text) {
  const texts = page.locator(`#${id} > li.${kind} > .text`);
  await eventually(async () => {
    const found = await texts.allTextContents();
    assert.ok(found.includes(text), `#${id} has no ${kind} ${text}, but ${JSON.stringify(found)}`);
  });
}

/** The texts of all messages in the log `id`. */
export function messages(page, id) {
  return page.locator(`#${id} > li.message .text`).allTextContents();
}

/** How much further than the window the page reaches to the right, in pixels. */
export function overhang(page) {
  return page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  );
}
