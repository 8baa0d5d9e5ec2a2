// STOMP frames as they go over the wire: taken apart for the eye, nothing is checked.

import { addLine, pick } from '/assets/app.js';
import { bytesOf } from '/assets/bytes.js';

const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;
const BODY_SHOWN = 2000;

/** Where the head of the frame in `bytes` ends: at its empty line, or where there is no more. */
function endOfHead(bytes) {
  for (let index = 0; index < bytes.length; index += 1) {
    if (bytes[index] === LINE_FEED) {
      const next = bytes[index + 1] === CARRIAGE_RETURN ? index + 2 : index + 1;
      if (bytes[next] === LINE_FEED) {
        return next + 1;
      }
    }
  }
  return bytes.length;
}

/**
 * The frames and heart-beats of one WebSocket message: `{ command, headers, body, size }`, of which
 * a heart-beat has `size` only.
 */
export function framesOf(data) {
  let rest = bytesOf(data);
  if (rest.every((byte) => byte === LINE_FEED || byte === CARRIAGE_RETURN)) {
    return [{ size: rest.length }];
  }
  const frames = [];
  while (rest.length > 0) {
    if (rest[0] === LINE_FEED || rest[0] === CARRIAGE_RETURN) {
      rest = rest.subarray(1); // ends of lines between two frames
      continue;
    }
    const decoder = new TextDecoder();
    const bodyStart = endOfHead(rest);
    const head = decoder.decode(rest.subarray(0, bodyStart)).trimEnd();
    const [command, ...headers] = head.split(/\r?\n/);
    // With a length, a body may have zero bytes in it.
    const length = headers.map((line) => /^content-length:(\d+)/.exec(line)?.[1]).find(Boolean);
    const zero = rest.indexOf(0, bodyStart + Number(length ?? 0));
    const end = zero < 0 ? rest.length : zero;
    const body = decoder.decode(rest.subarray(bodyStart, end));
    frames.push({ command, headers, body, size: Math.min(end + 1, rest.length) });
    rest = rest.subarray(end + 1);
  }
  return frames;
}

function shortened(body) {
  const more = body.length - BODY_SHOWN;
  const rest = more > 0 ? pick(` … ${more} more`, ` …… 另有 ${more} 字`) : '';
  return body.slice(0, BODY_SHOWN) + rest;
}

/** The zero byte at a frame's end, as STOMP's text writes it. */
function endMark() {
  const mark = document.createElement('span');
  mark.className = 'end';
  mark.textContent = '^@';
  return mark;
}

/** The frames of one connection after the other, in the list `log`: those that `isShown` takes. */
export class FrameLog {
  constructor(log, isShown = () => true) {
    this.log = log;
    this.isShown = isShown;
    this.beat = null;
  }

  /** Something that happened between the frames. */
  note(en, zh) {
    this.beat = null;
    addLine(this.log, 'system', [['text', en, zh]]);
  }

  /** What one WebSocket message carried; `direction` is `in` or `out`. */
  add(direction, data) {
    const arrow = direction === 'out' ? '→' : '←';
    for (const { command, headers, body, size } of framesOf(data).filter(this.isShown)) {
      if (command === undefined) {
        this.heartBeat(direction, arrow);
        continue;
      }
      this.beat = null;
      const lines = [...headers, '', shortened(body)].join('\n');
      addLine(this.log, `${direction} ${command === 'ERROR' ? 'bad' : 'good'}`, [
        ['way', arrow],
        ['verb', command],
        ['size', `${size} B`],
        ['data', lines],
      ]).querySelector('.data').append(endMark());
    }
  }

  /** Heart-beats that follow each other share a line, or they would push out the frames. */
  heartBeat(direction, arrow) {
    if (this.beat?.direction === direction && this.beat.item.isConnected) {
      this.beat.count += 1;
      this.beat.item.querySelector('.data').textContent = `♥ × ${this.beat.count}`;
      return;
    }
    const item = addLine(this.log, `${direction} beat`, [['way', arrow], ['data', '♥']]);
    this.beat = { direction, count: 1, item };
  }

  clear() {
    this.log.replaceChildren();
    this.beat = null;
  }
}
