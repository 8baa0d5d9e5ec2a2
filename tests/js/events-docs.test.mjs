// The examples of docs/events.md, as they stand there but for the address.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';

import { Inbox, LIMIT, eventually } from './support/patience.mjs';
import { Server } from './support/server.mjs';
import { connected, published } from './support/stomp.mjs';

const BOOK = new URL('../../docs/events.md', import.meta.url);
const ADDRESS = /\b(?:localhost|127\.0\.0\.1):8080\b/g;

let server;
let book;
before(async () => {
  server = await Server.start();
  book = await readFile(BOOK, 'utf8');
});
after(() => server?.stop());

/** The code blocks in `language`, for the server of this test. */
function blocks(language) {
  const found = book.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, 'gms'));
  return [...found].map(([, code]) => code.replace(ADDRESS, server.host));
}

/** A program that says something for each line that it writes, until the test ends. */
function run(t, command, parameters) {
  const child = spawn(command, parameters, {
    env: { ...process.env, PYTHONUNBUFFERED: '1' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  const lines = new Inbox();
  let rest = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    const whole = (rest + text).split('\n');
    rest = whole.pop();
    whole.forEach((line) => lines.put(line));
  });
  child.stdout.on('end', () => lines.put(rest));
  return lines;
}

test('events_the_example_in_python_hears_what_is_published', LIMIT, async (t) => {
  const [code] = blocks('python');
  const lines = run(t, 'python3', ['-c', code]);
  const client = await connected(t, () => server.socket('/stomp'));
  // It has subscribed once something comes.
  await eventually(async () => {
    await published(client, { destination: '/topic/news', body: 'hello, 小明' });
    assert.ok(lines.waiting > 0);
  });
  assert.equal(await lines.take('a message'), '/topic/news hello, 小明');
});

test('events_the_examples_of_curl_hear_what_is_published', LIMIT, async (t) => {
  const commands = blocks('sh')
    .join('\n')
    .split('\n')
    .filter((line) => line.startsWith('curl ') && !line.includes('wait=0'));
  assert.ok(commands.length > 0);
  const client = await connected(t, () => server.socket('/stomp'));
  for (const command of commands) {
    const lines = run(t, 'sh', ['-c', `exec ${command}`]);
    const heard = [];
    await eventually(async () => {
      await published(client, { destination: '/topic/news', body: 'hello' });
      while (lines.waiting > 0) {
        heard.push(await lines.take('a line'));
      }
      assert.ok(heard.some((line) => line.includes('"data":"hello"')), command);
    });
  }
});

test('events_the_example_of_long_polling_hears_each_message_once', LIMIT, async (t) => {
  const code = blocks('js').find((block) => block.includes('Long polling'));
  const relative = (url) => fetch(server.http(url));
  const AsyncFunction = (async () => {}).constructor;
  const example = new AsyncFunction('fetch', 'show', 'reload', code);
  const heard = [];
  const end = new Error('enough');
  const show = ({ data }) => {
    heard.push(Number(data));
    if (heard.length >= 20) {
      throw end;
    }
  };
  const reload = () => {
    throw new Error('nothing was missed');
  };
  const ended = assert.rejects(example(relative, show, reload), end);
  const client = await connected(t, () => server.socket('/stomp'));
  let sent = 0;
  await eventually(async () => {
    sent += 1;
    await published(client, { destination: '/topic/news', body: `${sent}` });
    assert.ok(heard.length >= 20);
  });
  await ended;
  assert.deepEqual(heard, Array.from({ length: 20 }, (_, index) => heard[0] + index));
});
