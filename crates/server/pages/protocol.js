// The protocol, live: handshakes and frames that the server exchanged with itself.

import { byId, say, setUpCopy, translate } from '/assets/app.js';
import { byteLength, bytesOf, fromHex, toHex } from '/assets/bytes.js';
import { ask } from '/assets/protocol-ask.js';
import { ATTEMPTS } from '/assets/protocol-attempts.js';
import { drawFrames, drawHead, make, texts } from '/assets/protocol-draw.js';
import { overhead } from '/assets/protocol-frames.js';
import { showSchemes } from '/assets/protocol-schemes.js';
import { setUpWays } from '/assets/protocol-ways.js';

const KEY_SUFFIX = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
// RFC 6455 1.2 and 1.3.
const SAMPLE = {
  path: '/chat',
  host: 'server.example.com',
  key: 'dGhlIHNhbXBsZSBub25jZQ==',
  origin: 'http://example.com',
  protocols: 'chat, superchat',
  version: '13',
};
const FIELDS = Object.keys(SAMPLE);
const MESSAGE_BYTES_MAX = 4096;

const PRESETS = [
  {
    id: 'cut',
    name: ['A text in three frames', '文本分三帧'],
    set: { kind: 'text', text: 'Hi 钟🔔', fragments: '4, 3' },
  },
  {
    id: 'one',
    name: ['One frame', '一帧'],
    set: { kind: 'text', text: 'Hello', mask: '37fa213d' },
  },
  {
    id: 'binary',
    name: ['Binary', '二进制'],
    set: { kind: 'binary', hex: '00 01 7f 80 fe ff' },
  },
  {
    id: 'length-16',
    name: ['Length in 16 bits', '16 位长度'],
    set: { kind: 'filler', filler: '300' },
  },
  {
    id: 'length-64',
    name: ['Length in 64 bits', '64 位长度'],
    set: { kind: 'filler', filler: '66000' },
  },
  {
    id: 'ping',
    name: ['A ping in between', '中间插 ping'],
    set: { kind: 'text', text: 'ding dong', fragments: '5', ping: true },
  },
  {
    id: 'unmasked',
    name: ['Broken: not masked', '犯错：不掩码'],
    set: { kind: 'text', text: 'Hello', mask: 'none' },
  },
  {
    id: 'not-utf-8',
    name: ['Broken: not UTF-8', '犯错：不是 UTF-8'],
    set: { kind: 'text-bytes', hex: '48 69 ff' },
  },
];

const size = (text) => `${byteLength(text)} B`;

function showStatus(element, status) {
  element.textContent = status === null ? '–' : String(status);
  element.dataset.kind = status === 101 ? 'good' : 'bad';
}

// 1. The handshake

function fill(values) {
  for (const name of FIELDS) {
    byId(`handshake-${name}`).value = values[name] || '';
  }
}

async function shakeHands() {
  const values = FIELDS.map((name) => [name, byId(`handshake-${name}`).value]);
  const told = await ask(byId('handshake-problem'), 'handshake', values);
  if (!told) {
    return;
  }
  drawHead(byId('handshake-sent'), told.sent);
  drawHead(byId('handshake-received'), told.received, { body: told.body });
  byId('handshake-sent-size').textContent = size(told.sent);
  byId('handshake-received-size').textContent = size(told.received);
  showStatus(byId('handshake-status'), told.status);
  const close = byId('handshake-close');
  if (told.close) {
    const spaced = (hex) => hex.replace(/(..)(?=.)/g, '$1 ');
    const [sent, received] = [spaced(told.close.sent), spaced(told.close.received)];
    say(
      close,
      `From here on there are frames. This connection was closed at once: ${sent} → ${received}`,
      `从这里开始就是帧了。这个连接随即关闭：${sent} → ${received}`,
    );
  } else {
    say(close, 'The connection is still plain HTTP.', '连接仍然是普通的 HTTP。');
  }
  if (told.accept) {
    showAccept(told.accept);
  }
}

byId('handshake-form').addEventListener('submit', (event) => {
  event.preventDefault();
  shakeHands();
});
byId('handshake-sample').addEventListener('click', () => {
  fill(SAMPLE);
  shakeHands();
});
byId('handshake-own').addEventListener('click', () => {
  fill({
    path: '/echo',
    host: window.location.host,
    origin: window.location.origin,
    key: randomKey(),
    version: '13',
  });
  shakeHands();
});

// 2. The answer to a key

function randomKey() {
  return btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(16))));
}

/** The steps as far as the page can go: hashing is only for pages from a trustworthy origin. */
async function steps(key) {
  const joined = key + KEY_SUFFIX;
  if (!crypto.subtle) {
    return { key, joined };
  }
  const digest = await crypto.subtle.digest('SHA-1', bytesOf(joined));
  const bytes = new Uint8Array(digest);
  return { key, joined, sha1: toHex(bytes), base64: btoa(String.fromCharCode(...bytes)) };
}

function showSteps({ key, joined, sha1, base64, answered }) {
  for (const [name, value] of Object.entries({ key, joined, sha1, base64, answered })) {
    byId(`accept-step-${name}`).textContent = value || '–';
  }
}

let typed = 0;

/** Compares what the server answered with what the page has computed by itself. */
async function showAccept(told) {
  const turn = (typed += 1);
  const own = await steps(told.key);
  if (turn !== typed) {
    return;
  }
  byId('accept-key').value = told.key;
  showSteps({ ...told, ...own });
  const verdict = byId('accept-verdict');
  const computed = own.base64 || told.base64;
  if (!told.answered) {
    say(verdict, 'The server gave no Accept: it refused.', '服务端没有给出 Accept：它拒绝了。');
  } else if (told.answered === computed) {
    say(verdict, 'Identical: the server has read this key.', '一致：服务端确实读到了这个 Key。');
  } else {
    say(verdict, 'They differ: a client must close now.', '不一致：客户端必须断开。');
  }
}

byId('accept-key').addEventListener('input', async () => {
  const turn = (typed += 1);
  const own = await steps(byId('accept-key').value);
  if (turn === typed) {
    showSteps(own);
    say(byId('accept-verdict'), '', '');
  }
});
byId('accept-form').addEventListener('submit', async (event) => {
  event.preventDefault();
  const key = byId('accept-key').value;
  const told = await ask(byId('accept-problem'), 'handshake', { path: '/echo', key });
  if (told?.accept) {
    showAccept(told.accept);
  } else if (told) {
    say(byId('accept-problem'), 'There is no key to answer.', '没有 Key 可以回答。');
  }
});
byId('accept-random').addEventListener('click', () => {
  byId('accept-key').value = randomKey();
  byId('accept-form').requestSubmit();
});

// 3. Frames

function showKind() {
  const kind = byId('frames-kind').value;
  byId('frames-text-field').hidden = kind !== 'text';
  byId('frames-hex-field').hidden = kind !== 'binary' && kind !== 'text-bytes';
  byId('frames-filler-field').hidden = kind !== 'filler';
}

function usePreset({ kind, text, hex, filler, fragments, mask, ping }) {
  byId('frames-kind').value = kind;
  byId('frames-text').value = text || 'Hi 钟🔔';
  byId('frames-hex').value = hex || '00 01 7f 80 fe ff';
  byId('frames-filler').value = filler || '300';
  byId('frames-fragments').value = fragments || '';
  byId('frames-mask').value = mask || 'random';
  byId('frames-ping').checked = Boolean(ping);
  showKind();
  sendFrames();
}

/** The message as bytes; null, and said why, when it cannot be sent. */
function message(kind) {
  const isText = kind === 'text';
  const bytes = isText
    ? bytesOf(byId('frames-text').value)
    : fromHex(byId('frames-hex').value);
  if (!bytes) {
    say(
      byId('frames-problem'),
      'Write bytes as pairs of digits: 48 69',
      '字节请写成两位一组的十六进制：48 69',
    );
    return null;
  }
  if (bytes.length > MESSAGE_BYTES_MAX) {
    say(
      byId('frames-problem'),
      `At most ${MESSAGE_BYTES_MAX} bytes; these are ${bytes.length}.`,
      `最多 ${MESSAGE_BYTES_MAX} 字节，现在有 ${bytes.length} 字节。`,
    );
    return null;
  }
  return bytes;
}

function masks(choice, fragments) {
  if (choice !== 'random') {
    return choice;
  }
  // One for each frame, the last one, a ping.
  const count = Math.min(fragments.split(',').length + 2, 65);
  const key = () => toHex(crypto.getRandomValues(new Uint8Array(4)));
  return Array.from({ length: count }, key).join(',');
}

async function sendFrames() {
  const kind = byId('frames-kind').value;
  const fragments = byId('frames-fragments').value.replaceAll(' ', '');
  const parameters = {
    kind: kind === 'binary' ? 'binary' : 'text',
    fragments,
    masks: masks(byId('frames-mask').value, fragments),
  };
  let body = null;
  if (kind === 'filler') {
    parameters.filler = byId('frames-filler').value;
  } else {
    body = message(kind);
    if (!body) {
      return;
    }
  }
  if (byId('frames-ping').checked) {
    parameters.ping = 'ping';
  }
  const told = await ask(byId('frames-problem'), 'frames', parameters, { method: 'POST', body });
  if (told) {
    showFrames(told);
  }
}

function showFrames(told) {
  const [sentBytes, receivedBytes] = [fromHex(told.sent), fromHex(told.received)];
  const sent = drawFrames(byId('frames-sent'), sentBytes);
  const received = drawFrames(byId('frames-received'), receivedBytes);
  byId('frames-sent-size').textContent = `${sentBytes.length} B`;
  byId('frames-received-size').textContent = `${receivedBytes.length} B`;
  const verdict = byId('frames-verdict');
  const answer = received.find((frame) => frame.opcode < 8);
  if (!answer) {
    say(verdict, 'The server closed instead of answering.', '服务端没有回答，直接关闭了连接。');
  } else if (answer.opcode === 1) {
    const [text] = texts(received);
    const shown = text.length > 40 ? `${text.slice(0, 40)}…` : text;
    say(verdict, `Came back as text: ${shown}`, `作为文本回来了：${shown}`);
  } else {
    const { length } = answer;
    say(verdict, `Came back as binary: ${length} bytes`, `作为二进制回来了：${length} 字节`);
  }
  const cost = overhead(sent);
  const head = byteLength(told.handshake.sent);
  say(
    byId('frames-cost'),
    `Frames to the server: ${sent.length}, with ${cost} bytes of headers. The handshake before ` +
      `them took ${head} bytes, once; with polling every request has such a head.`,
    `发给服务端 ${sent.length} 帧，头部一共 ${cost} 字节。之前的握手是 ${head} 字节，只有一次；` +
      '用轮询的话，每次请求都要带这样一个头部。',
  );
}

for (const { id, name, set } of PRESETS) {
  const button = make('button', 'small', ...name);
  button.type = 'button';
  button.id = `frames-preset-${id}`;
  button.addEventListener('click', () => usePreset(set));
  byId('frames-presets').append(button);
}
byId('frames-kind').addEventListener('change', showKind);
byId('frames-form').addEventListener('submit', (event) => {
  event.preventDefault();
  sendFrames();
});

// 5. Negotiation and failures; the fourth and the sixth part have files of their own

function addAttempt(attempt) {
  const item = make('li', '');
  const id = `attempt-${attempt.id}`;
  item.id = id;
  const button = make('button', 'small', ...attempt.what);
  button.type = 'button';
  const status = make('span', 'status');
  const bar = make('div', 'attempt-bar');
  bar.append(button, status, make('span', 'source', attempt.source));
  const shown = make('div', 'attempt-shown');
  shown.hidden = true;
  const heads = make('div', 'columns');
  const [sent, received] = [make('ul', 'wire-text sent'), make('ul', 'wire-text received')];
  heads.append(sent, received);
  shown.append(make('p', 'why', ...attempt.why), heads);
  item.append(bar, shown);
  byId('attempts').append(item);

  const run = async () => {
    const { query } = attempt;
    const values = typeof query === 'function' ? query(window.location.origin) : query;
    const told = await ask(byId('attempts-problem'), 'handshake', values);
    if (!told) {
      return false;
    }
    drawHead(sent, told.sent, { notes: false });
    drawHead(received, told.received, { notes: false, body: told.body });
    showStatus(status, told.status);
    item.dataset.expected = String(told.status === attempt.status);
    shown.hidden = false;
    return true;
  };
  button.addEventListener('click', run);
  return run;
}

const runs = ATTEMPTS.map(addAttempt);
byId('attempts-all').addEventListener('click', async (event) => {
  const button = event.currentTarget;
  button.disabled = true;
  // One after the other: the server has few places for this.
  for (const run of runs) {
    if (!(await run())) {
      break;
    }
  }
  button.disabled = false;
});

translate(document);
setUpCopy(byId('schemes-copy'), byId('schemes-command'));
fill(SAMPLE);
shakeHands();
usePreset(PRESETS[0].set);
showSchemes();
setUpWays();
