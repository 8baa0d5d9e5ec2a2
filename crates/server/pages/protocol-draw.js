// Draws frames byte by byte, and the heads of HTTP messages line by line.

import { say } from '/assets/app.js';
import { hexByte } from '/assets/bytes.js';
import { meaning } from '/assets/link.js';
import {
  bits,
  charactersOfFrames,
  closing,
  decodeFrames,
  messages,
  opcodeName,
} from '/assets/protocol-frames.js';

// A payload is drawn up to here, but for control frames: they have 125 bytes at most.
const PAYLOAD_DRAWN = 48;
const CONTROL_DRAWN = 125;
const FRAMES_DRAWN = 70;

const TEXT = 0x1;
const CLOSE = 0x8;

/** A new element; its text is in one language or in two. */
export function make(name, className, en, zh) {
  const element = document.createElement(name);
  element.className = className;
  if (zh !== undefined) {
    say(element, en, zh);
  } else if (en !== undefined) {
    element.textContent = en;
  }
  return element;
}

// The first two bytes as in RFC 6455 5.2: how many bits each part has, and what it is called.
const HEAD_PARTS = [
  [1, 'fin', 'FIN', 'FIN'],
  [1, 'rsv', 'RSV1', 'RSV1'],
  [1, 'rsv', 'RSV2', 'RSV2'],
  [1, 'rsv', 'RSV3', 'RSV3'],
  [4, 'opcode', 'opcode', '操作码'],
  [1, 'mask', 'MASK', 'MASK'],
  [7, 'length', 'payload length', '负载长度'],
];

function drawBits(frame) {
  const figure = make('div', 'bits');
  figure.setAttribute('role', 'img');
  const all = [...bits(frame.head[0]), ...bits(frame.head[1])];
  figure.setAttribute('aria-label', all.join(' '));
  all.forEach((_, index) => figure.append(make('span', 'bit-number', String(index))));
  let at = 0;
  for (const [count, kind] of HEAD_PARTS) {
    for (let index = 0; index < count; index += 1, at += 1) {
      figure.append(make('span', `bit ${kind}`, String(all[at])));
    }
  }
  for (const [count, kind, en, zh] of HEAD_PARTS) {
    const label = make('span', `bit-label ${kind} ${count === 1 ? 'upright' : ''}`, en, zh);
    label.style.gridColumn = `span ${count}`;
    figure.append(label);
  }
  return figure;
}

/** In words what the bits say. */
function drawMeaning(frame) {
  const list = make('ul', 'meaning');
  const item = (kind, en, zh) => list.append(make('li', kind, en, zh));
  item(
    'fin',
    frame.fin ? 'FIN 1: ends the message' : 'FIN 0: more frames follow',
    frame.fin ? 'FIN 1：消息到此结束' : 'FIN 0：后面还有帧',
  );
  const [en, zh] = opcodeName(frame.opcode);
  const digit = frame.opcode.toString(16);
  item('opcode', `opcode ${digit}: ${en}`, `操作码 ${digit}：${zh}`);
  item(
    'mask',
    frame.masked ? 'MASK 1: from a client, masked' : 'MASK 0: not masked',
    frame.masked ? 'MASK 1：来自客户端，已掩码' : 'MASK 0：没有掩码',
  );
  const { length, short, lengthForm } = frame;
  if (lengthForm === 7) {
    item('length', `length ${length}, in 7 bits`, `长度 ${length}，用 7 位表示`);
  } else {
    item(
      'length',
      `length ${short} means: the next ${lengthForm} bits have it, ${length}`,
      `长度写 ${short} 表示：真正的长度在后面 ${lengthForm} 位里，是 ${length}`,
    );
  }
  return list;
}

function wireByte(byte) {
  const element = make('span', 'wire-byte', hexByte(byte));
  element.dataset.byte = hexByte(byte);
  return element;
}

function drawGroup(kind, bytes, en, zh) {
  const group = make('div', `group ${kind}`);
  const cells = make('div', 'cells');
  cells.append(...Array.from(bytes, wireByte));
  group.append(make('span', 'group-label', en, zh), cells);
  return group;
}

/** What a byte is as text: its character once, then dots. */
function characterCell(cell, isFirstHere) {
  if (!cell) {
    return make('span', 'char none', '✗');
  }
  const isWhole = cell.of === 1;
  const shown = cell.index === 0 || isFirstHere ? cell.char : '·';
  const visible = { ' ': '␣', '\n': '␊', '\r': '␍', '\t': '␉' }[shown] || shown;
  const ends = cell.index === cell.of - 1 ? ' end' : '';
  return make('span', `char${isWhole ? '' : ` many${ends}`}`, visible);
}

function drawPayload(frame, cells) {
  const group = make('div', 'group payload');
  const isText = cells.length > 0;
  const columns = make('div', 'columns-of-bytes');
  const legend = make('div', 'column legend');
  legend.append(make('span', 'row', 'on the wire', '线上'));
  if (frame.key) {
    legend.append(make('span', 'row', '⊕ key', '⊕ 掩码'));
    legend.append(make('span', 'row', '= payload', '= 负载'));
  }
  if (isText) {
    legend.append(make('span', 'row', 'as text', '文字'));
  }
  columns.append(legend);
  const drawn = frame.opcode >= CLOSE ? CONTROL_DRAWN : PAYLOAD_DRAWN;
  frame.wire.subarray(0, drawn).forEach((byte, index) => {
    const column = make('div', 'column');
    column.append(wireByte(byte));
    if (frame.key) {
      column.append(make('span', 'key-byte', hexByte(frame.key[index % 4])));
      column.append(make('span', 'plain-byte', hexByte(frame.payload[index])));
    }
    if (isText) {
      column.append(characterCell(cells[index], index === 0));
    }
    columns.append(column);
  });
  const more = frame.length - drawn;
  if (more > 0) {
    columns.append(make('div', 'more', `… ${more} more bytes`, `…… 另有 ${more} 字节`));
  }
  group.append(make('span', 'group-label', 'payload', '负载'), columns);
  return group;
}

/** Where a character is cut by the end of this frame. */
function drawCut(cells) {
  const last = cells.at(-1);
  if (!last || last.index === last.of - 1) {
    return [];
  }
  // A character may also have begun in the frame before.
  const here = Math.min(last.index + 1, cells.length);
  return [
    make(
      'p',
      'cut',
      `“${last.char}” is cut: ${here} of its ${last.of} bytes are in this frame.`,
      `“${last.char}”被切断：${last.of} 个字节里有 ${here} 个在这一帧。`,
    ),
  ];
}

function drawClose(frame) {
  const said = frame.opcode === CLOSE && closing(frame.payload);
  if (!said) {
    return [];
  }
  const [en, zh] = meaning(said.code);
  const reason = said.reason ? `: “${said.reason}”` : '';
  return [
    make(
      'p',
      'says',
      `Close code ${said.code}, ${en}${reason}`,
      `关闭代码 ${said.code}，${zh}${said.reason ? `：“${said.reason}”` : ''}`,
    ),
  ];
}

/** The place of each frame in its message, as [english, chinese]. */
function places(frames) {
  const found = [];
  for (const message of messages(frames)) {
    const [en, zh] = opcodeName(message.opcode);
    const count = message.frames.length;
    message.frames.forEach((index, at) => {
      found[index] =
        count === 1
          ? [`${en}, in one frame`, `${zh}，只有一帧`]
          : [`${en}, part ${at + 1} of ${count}`, `${zh}，第 ${at + 1} 段，共 ${count} 段`];
    });
  }
  return found;
}

/** Draws all frames in `bytes` into `list` and returns them. */
export function drawFrames(list, bytes) {
  const { frames, rest } = decodeFrames(bytes);
  const cells = charactersOfFrames(frames);
  const place = places(frames);
  list.replaceChildren();
  frames.slice(0, FRAMES_DRAWN).forEach((frame, index) => {
    const item = make('li', 'frame');
    const title = make('div', 'frame-title');
    const head = frame.end - frame.start - frame.length;
    title.append(
      make('strong', '', `${index + 1}. ${place[index][0]}`, `${index + 1}. ${place[index][1]}`),
      make('span', 'size', `${head} + ${frame.length} B`),
    );
    const strip = make('div', 'strip');
    strip.append(drawGroup('first', frame.head, 'first two bytes', '头两个字节'));
    if (frame.lengthBytes.length > 0) {
      const { lengthForm } = frame;
      strip.append(
        drawGroup('length', frame.lengthBytes, `${lengthForm}-bit length`, `${lengthForm} 位长度`),
      );
    }
    if (frame.key) {
      strip.append(drawGroup('mask', frame.key, 'masking key', '掩码'));
    }
    if (frame.length > 0) {
      strip.append(drawPayload(frame, cells[index]));
    }
    item.append(title, drawBits(frame), drawMeaning(frame), strip);
    item.append(...drawCut(cells[index]), ...drawClose(frame));
    list.append(item);
  });
  if (rest.length > 0) {
    const item = make('li', 'frame');
    item.append(make('p', 'cut', 'The rest is no whole frame.', '剩下的不是完整的帧。'));
    list.append(item);
  }
  return frames;
}

/** The text of all whole text messages in `frames`. */
export function texts(frames) {
  return messages(frames)
    .filter((message) => message.opcode === TEXT)
    .map((message) => {
      const whole = message.frames.flatMap((index) => Array.from(frames[index].payload));
      return new TextDecoder().decode(Uint8Array.from(whole));
    });
}

// What the lines of a handshake are for (RFC 6455 4.1, 4.2).
const LINES = {
  upgrade: ['switch this connection to another protocol', '把这个连接切换到另一个协议'],
  connection: ['Upgrade is meant for the next hop', 'Upgrade 只对这一跳有效'],
  host: ['which server is meant', '要找的是哪台服务器'],
  origin: ['which page asks; the server may refuse', '是哪个页面发起的，服务端可以拒绝'],
  'sec-websocket-key': ['16 random bytes in base64', '16 个随机字节的 base64'],
  'sec-websocket-accept': ['proof that the key was read', '证明服务端读懂了 Key'],
  'sec-websocket-protocol': ['sub-protocols, the favourite first', '子协议，越靠前越优先'],
  'sec-websocket-version': ['the version of the protocol: 13', '协议版本：13'],
  allow: ['methods that are possible here', '这里允许的方法'],
  'content-type': ['the kind of the answer', '应答的类型'],
  date: ['when it was answered', '应答的时间'],
  'content-length': ['how long it is', '应答的长度'],
};

const ANSWER_LINES = {
  'sec-websocket-protocol': ['the sub-protocol that was chosen', '选定的子协议'],
  'sec-websocket-version': ['the version that the server speaks', '服务端支持的版本'],
};

/** Shows the head of an HTTP message, each line with its end, and with notes if wanted. */
export function drawHead(list, text, { notes = true, body = '' } = {}) {
  list.replaceChildren();
  const isAnswer = text.startsWith('HTTP/');
  const lines = text.split('\r\n').slice(0, -1);
  lines.forEach((line, index) => {
    const item = make('li', '');
    const words = make('span', 'words');
    const name = line.slice(0, Math.max(line.indexOf(':'), 0));
    if (index > 0 && name) {
      words.append(make('b', '', name), line.slice(name.length));
    } else {
      words.append(line);
    }
    const end = make('span', 'line-end', '\\r\\n');
    end.setAttribute('aria-hidden', 'true');
    const code = make('code', '');
    code.append(words, end);
    item.append(code);
    const key = name.toLowerCase();
    const note = index > 0 && ((isAnswer && ANSWER_LINES[key]) || LINES[key]);
    if (notes && note) {
      item.append(make('span', 'note', ...note));
    } else if (notes && line === '') {
      item.append(make('span', 'note', 'an empty line ends the head', '空行表示头部结束'));
    }
    list.append(item);
  });
  if (body) {
    const item = make('li', 'body');
    item.append(make('code', '', body));
    list.append(item);
  }
}
