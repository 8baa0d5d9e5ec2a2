// Reads WebSocket frames (RFC 6455 5.2) from bytes. Nothing here needs a browser.

const CONTINUATION = 0x0;
const TEXT = 0x1;
const CLOSE = 0x8;

/** What an opcode is called, as [english, chinese] (RFC 6455 11.8). */
const OPCODES = {
  0x0: ['continuation', '后续帧'],
  0x1: ['text', '文本'],
  0x2: ['binary', '二进制'],
  0x8: ['close', '关闭'],
  0x9: ['ping', 'ping'],
  0xa: ['pong', 'pong'],
};

export function opcodeName(opcode) {
  return OPCODES[opcode] || ['reserved', '保留'];
}

/** The bits of a byte, the highest first, as RFC 6455 draws them. */
export function bits(byte) {
  return Array.from({ length: 8 }, (_, index) => (byte >> (7 - index)) & 1);
}

/** One frame from `start`, or null when it is not all there. */
function frameAt(bytes, start) {
  if (bytes.length < start + 2) {
    return null;
  }
  const [first, second] = bytes.subarray(start, start + 2);
  const short = second & 0x7f;
  const extended = { 126: 2, 127: 8 }[short] || 0;
  const masked = second >= 0x80;
  const keyAt = start + 2 + extended;
  const payloadAt = keyAt + (masked ? 4 : 0);
  if (bytes.length < payloadAt) {
    return null;
  }
  const lengthBytes = bytes.subarray(start + 2, keyAt);
  // Longer than 2^53 is no exact number, and not there either.
  const length = extended ? lengthBytes.reduce((sum, byte) => sum * 256 + byte, 0) : short;
  const end = payloadAt + length;
  if (bytes.length < end) {
    return null;
  }
  const key = masked ? bytes.subarray(keyAt, payloadAt) : null;
  const wire = bytes.subarray(payloadAt, end);
  return {
    start,
    end,
    head: bytes.subarray(start, start + 2),
    fin: first >= 0x80,
    rsv: [first & 0x40, first & 0x20, first & 0x10].map(Boolean),
    opcode: first & 0x0f,
    masked,
    short,
    lengthForm: { 0: 7, 2: 16, 8: 64 }[extended],
    lengthBytes,
    length,
    key,
    wire,
    payload: key ? wire.map((byte, index) => byte ^ key[index % 4]) : wire,
  };
}

/** All whole frames in `bytes`, and what is left behind them. */
export function decodeFrames(bytes) {
  const frames = [];
  let start = 0;
  for (;;) {
    const frame = frameAt(bytes, start);
    if (!frame) {
      return { frames, rest: bytes.subarray(start) };
    }
    frames.push(frame);
    start = frame.end;
  }
}

/**
 * The messages that frames make (RFC 6455 5.4): `{ opcode, frames }` with the indexes of the
 * frames. A control frame is a message of its own, also between the fragments of another.
 */
export function messages(frames) {
  const found = [];
  let open = null;
  frames.forEach((frame, index) => {
    if (frame.opcode >= CLOSE) {
      found.push({ opcode: frame.opcode, frames: [index] });
      return;
    }
    if (!open || frame.opcode !== CONTINUATION) {
      open = { opcode: frame.opcode, frames: [] };
      found.push(open);
    }
    open.frames.push(index);
    if (frame.fin) {
      open = null;
    }
  });
  return found;
}

/** How many bytes a character has that begins with `byte` (RFC 3629 3); 0 if none does. */
function sequenceLength(byte) {
  if (byte < 0x80) {
    return 1;
  }
  if (byte >= 0xc2 && byte <= 0xdf) {
    return 2;
  }
  if (byte >= 0xe0 && byte <= 0xef) {
    return 3;
  }
  return byte >= 0xf0 && byte <= 0xf4 ? 4 : 0;
}

/** For each byte of UTF-8 `{ char, index, of }`: which byte of which character; null if of none. */
export function characters(bytes) {
  const cells = [];
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  for (let at = 0; at < bytes.length; ) {
    const of = sequenceLength(bytes[at]);
    let char = null;
    try {
      char = of > 0 && at + of <= bytes.length ? decoder.decode(bytes.slice(at, at + of)) : null;
    } catch (error) {
      // It began like a character and does not go on like one.
    }
    if (char === null) {
      cells.push(null);
      at += 1;
      continue;
    }
    for (let index = 0; index < of; index += 1) {
      cells.push({ char, index, of });
    }
    at += of;
  }
  return cells;
}

/**
 * The characters of each frame, byte by byte. Those of a text message go on from frame to frame;
 * frames that are no text have an empty list.
 */
export function charactersOfFrames(frames) {
  const lists = frames.map(() => []);
  for (const message of messages(frames)) {
    if (message.opcode !== TEXT) {
      continue;
    }
    const whole = message.frames.flatMap((index) => Array.from(frames[index].payload));
    const cells = characters(Uint8Array.from(whole));
    for (const index of message.frames) {
      lists[index] = cells.splice(0, frames[index].payload.length);
    }
  }
  return lists;
}

/** What a close frame says (RFC 6455 5.5.1): `{ code, reason }`; null without a code. */
export function closing(payload) {
  if (payload.length < 2) {
    return null;
  }
  const reason = new TextDecoder().decode(payload.slice(2));
  return { code: payload[0] * 256 + payload[1], reason };
}

/** Bytes that are no payload, in all frames together. */
export function overhead(frames) {
  return frames.reduce((sum, frame) => sum + frame.end - frame.start - frame.length, 0);
}
