// Another implementation of STOMP reads what the program writes, and the program what it writes:
// frames that are made up from a seed, cut into messages anywhere.
//
// Where the two differ on purpose, frames are not made up so: stompjs trims headers, does not escape
// names, undoes `\\n` in the wrong order, and takes carriage returns and NULs between frames for
// nothing.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { FrameImpl, Parser } from '@stomp/stompjs';
import { WebSocket } from 'ws';

import { Inbox, LIMIT, within } from './support/patience.mjs';
import { Server } from './support/server.mjs';

const FRAMES = 300;
const TOPIC = '/topic/codec';
const AWKWARD = [':', '\n', '\r', ' ', 'n', 'c', 'r', 'x', 'é', '你', '🔔', '%', '"', '\t', ';'];

let server;
before(async () => {
  server = await Server.start();
});
after(() => server?.stop());

/** Numbers below `limit`, the same for the same seed (mulberry32). */
function dice(seed) {
  let state = seed;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
}

/** A value that neither begins nor ends with what stompjs trims. */
function value(roll) {
  const inner = Array.from({ length: roll(12) }, () => AWKWARD[roll(AWKWARD.length)]);
  return `a${inner.join('')}z`;
}

function madeUp(roll, number) {
  const headers = { destination: TOPIC, number: `${number}` };
  for (let more = roll(6); more > 0; more -= 1) {
    headers[`h-${more}`] = value(roll);
  }
  const body = Uint8Array.from({ length: roll(200) }, () => roll(256));
  return { headers, body };
}

/** `octets` in pieces of any length. */
function* cut(octets, roll) {
  for (let start = 0; start < octets.length; ) {
    const end = start + 1 + roll(300);
    yield octets.subarray(start, end);
    start = end;
  }
}

/** A WebSocket whose frames of STOMP are read by the parser of stompjs. */
async function opened(t, version, roll) {
  const socket = new WebSocket(server.socket('/stomp'));
  t.after(() => socket.terminate());
  const frames = new Inbox();
  const parser = new Parser(
    (raw) => frames.put(raw),
    () => {},
  );
  socket.on('message', (data) => {
    for (const piece of cut(new Uint8Array(data), roll)) {
      parser.parseChunk(piece);
    }
  });
  await within(new Promise((resolve) => socket.once('open', resolve)), 'an open socket');
  socket.send(`CONNECT\naccept-version:${version}\nhost:h\n\n\0`);
  assert.equal((await frames.take('CONNECTED')).command, 'CONNECTED');
  socket.send(`SUBSCRIBE\nid:0\ndestination:${TOPIC}\nreceipt:r\n\n\0`);
  assert.equal((await frames.take('a receipt')).command, 'RECEIPT');
  return { socket, frames };
}

/** What a receiver of a version is to get: 1.1 has no escape for a carriage return. */
function asReceived(text, version) {
  return version === '1.1' ? text.replaceAll('\r', ' ') : text;
}

for (const seed of [1, 20_000, 4_000_000_000]) {
  test(`s62_s63_stompjs_and_the_program_read_each_other seed ${seed}`, LIMIT, async (t) => {
    const roll = dice(seed);
    const speaker = await opened(t, '1.2', roll);
    const listeners = [];
    for (const version of ['1.2', '1.1']) {
      listeners.push({ version, ...(await opened(t, version, roll)) });
    }
    const all = Array.from({ length: FRAMES }, (_, number) => madeUp(roll, number));
    const parts = all.map(({ headers, body }) => {
      const made = { command: 'SEND', headers, binaryBody: body, escapeHeaderValues: true };
      return Buffer.from(FrameImpl.marshall(made));
    });
    for (const piece of cut(Buffer.concat(parts), roll)) {
      speaker.socket.send(piece);
    }
    for (const { version, frames } of listeners) {
      for (const { headers, body } of all) {
        const raw = await frames.take('a message');
        assert.equal(raw.command, 'MESSAGE');
        const names = raw.headers.map(([name]) => name);
        assert.equal(new Set(names).size, names.length, 'no header comes twice');
        const frame = FrameImpl.fromRawFrame(raw, true);
        for (const [name, sent] of Object.entries(headers)) {
          assert.equal(frame.headers[name], asReceived(sent, version), `${version} ${name}`);
        }
        const ours = ['subscription', 'message-id', 'content-length'];
        const others = names.filter((name) => !(name in headers) && !ours.includes(name));
        assert.deepEqual(others, []);
        assert.deepEqual(Buffer.from(frame.binaryBody), Buffer.from(body));
      }
    }
  });
}
