// The bare WebSocket on /echo: text, bytes, round trips, close codes.

import { addLine, byId, say, socketUrl } from '/assets/app.js';
import { byteLength } from '/assets/bytes.js';
import { Link, hex, meaning } from '/assets/link.js';

// What crypto.getRandomValues gives at most in one call.
const RANDOM_CHUNK = 65536;
// RFC 6455 5.5: a control frame carries 125 bytes, two of which are the code.
const REASON_LIMIT = 123;
const KEPT_TRIPS = 1000;

const log = byId('echo-log');
const problem = byId('echo-problem');

let pending = [];
let trips = [];
let count = 0;

function milliseconds(value) {
  return `${value.toFixed(value < 10 ? 1 : 0)} ms`;
}

function describe(data) {
  return typeof data === 'string' ? data : hex(new Uint8Array(data));
}

function same(sent, received) {
  if (typeof sent === 'string' || typeof received === 'string') {
    return sent === received;
  }
  const [left, right] = [new Uint8Array(sent), new Uint8Array(received)];
  return left.length === right.length && left.every((byte, index) => byte === right[index]);
}

function line(direction, data, remarks) {
  addLine(log, `${direction} frame ${typeof data === 'string' ? 'words' : 'bytes'}`, [
    ['way', direction === 'out' ? '→' : '←'],
    ['data', describe(data)],
    ['size', `${byteLength(data)} B`],
    ...remarks,
  ]);
}

function received(data) {
  const first = pending.shift();
  count += 1;
  byId('echo-count').textContent = String(count);
  if (!first) {
    line('in', data, [['tag', 'not asked for', '没有要过']]);
    return;
  }
  const trip = performance.now() - first.at;
  trips = [...trips.slice(1 - KEPT_TRIPS), trip];
  const sorted = [...trips].sort((left, right) => left - right);
  byId('echo-last').textContent = milliseconds(trip);
  byId('echo-median').textContent = milliseconds(sorted[Math.floor(sorted.length / 2)]);
  const intact = same(first.data, data);
  line('in', data, [
    intact ? ['tag good', 'identical', '一致'] : ['tag bad', 'differs', '不一致'],
    ['trip', milliseconds(trip)],
  ]);
}

function send(data) {
  problem.textContent = '';
  const at = performance.now();
  if (link.send(data)) {
    pending.push({ data, at });
    line('out', data, []);
  }
}

function randomBytes(length) {
  const bytes = new Uint8Array(length);
  for (let start = 0; start < length; start += RANDOM_CHUNK) {
    crypto.getRandomValues(bytes.subarray(start, Math.min(start + RANDOM_CHUNK, length)));
  }
  return bytes.buffer;
}

const link = new Link({
  url: () => socketUrl('/echo'),
  view: {
    state: byId('echo-state'),
    connect: byId('echo-open'),
    disconnect: byId('echo-stop'),
    send: [byId('echo-send-text'), byId('echo-send-bytes'), byId('echo-close')],
  },
  onOpen: () => {
    pending = [];
    say(byId('echo-closed'), '', '');
  },
  onMessage: received,
  onClose: (event, wasOpen) => {
    if (!wasOpen) {
      return;
    }
    const [en, zh] = meaning(event.code);
    const clean = event.wasClean;
    say(
      byId('echo-closed'),
      `Close received: code ${event.code} (${en}), ` +
        `${event.reason ? `reason “${event.reason}”` : 'no reason'}, ` +
        `${clean ? 'clean' : 'not clean'}.`,
      `收到关闭：代码 ${event.code}（${zh}），` +
        `${event.reason ? `原因“${event.reason}”` : '没有原因'}，` +
        `${clean ? '正常完成' : '没有正常完成'}。`,
    );
  },
});

byId('echo-text-form').addEventListener('submit', (event) => {
  event.preventDefault();
  send(byId('echo-text').value);
});
byId('echo-bytes-form').addEventListener('submit', (event) => {
  event.preventDefault();
  send(randomBytes(byId('echo-bytes').valueAsNumber));
});
byId('echo-close-form').addEventListener('submit', (event) => {
  event.preventDefault();
  const code = byId('echo-code').valueAsNumber;
  const reason = byId('echo-reason').value;
  say(problem, '', '');
  if (code !== 1000 && !(Number.isInteger(code) && code >= 3000 && code <= 4999)) {
    say(
      problem,
      'A page may close with 1000 or a code from 3000 to 4999; browsers keep the others.',
      '网页只能用 1000 或 3000 到 4999 的代码关闭，其余代码由浏览器保留。',
    );
  } else if (byteLength(reason) > REASON_LIMIT) {
    say(
      problem,
      `A reason has at most ${REASON_LIMIT} bytes of UTF-8; this one has ${byteLength(reason)}.`,
      `原因最多 ${REASON_LIMIT} 字节（UTF-8），现在是 ${byteLength(reason)} 字节。`,
    );
  } else {
    link.close(code, reason);
  }
});
link.open();
