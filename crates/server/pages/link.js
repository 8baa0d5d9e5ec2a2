// A WebSocket that says in words how it is, and comes back by itself when that makes sense.

import { addLine, pick, say } from '/assets/app.js';
import { byteLength, hexByte } from '/assets/bytes.js';

const RETRY_SECONDS = [1, 2, 3, 5, 8, 13, 20, 30];
// A connection that lasted this long was a good one: the next trouble starts with a short wait.
const STEADY_MILLISECONDS = 5000;
// Codes after which the server, or another one in its place, is likely to take us back.
const PASSING_CODES = new Set([1001, 1006, 1011, 1012, 1013, 1014]);

const CODE_MEANINGS = {
  1000: ['closed normally', '正常关闭'],
  1001: ['the server is leaving', '服务端正在离开'],
  1002: ['protocol error', '协议错误'],
  1003: ['this type of data is not accepted', '不接受这种类型的数据'],
  1005: ['closed without a code', '关闭时没有给出代码'],
  1006: ['the connection broke off', '连接中断'],
  1007: ['the text was not valid UTF-8', '文本不是有效的 UTF-8'],
  1008: ['refused', '被拒绝'],
  1009: ['the message was too big', '消息太大'],
  1011: ['the server failed', '服务端出错'],
  1012: ['the server restarts', '服务端重启'],
  1013: ['the server is overloaded', '服务端过载'],
  // SockJS's own.
  2000: ['no transport works', '没有可用的传输方式'],
  2010: ['another connection is still open', '另一个连接还开着'],
};

/** What a close code means, as [english, chinese]. */
export function meaning(code) {
  if (code >= 4000 && code <= 4999) {
    return ['a code of the application', '应用自定义代码'];
  }
  return CODE_MEANINGS[code] || ['an unusual code', '不常见的代码'];
}

/**
 * Shows how a connection is. `view`: elements `state`, `connect`, `disconnect` and, if sending
 * depends on the connection, `send` (an array).
 */
export class StateView {
  constructor(view) {
    this.view = view;
    this.words = document.createElement('span');
    // The count changes every second: for the eye only, a screen reader would never be still.
    this.count = document.createElement('span');
    this.count.setAttribute('aria-hidden', 'true');
    view.state.append(this.words, this.count);
  }

  show(state, en, zh) {
    const { state: element, connect, disconnect, send = [] } = this.view;
    element.dataset.state = state;
    say(this.words, en, zh);
    this.showCount('', '');
    const busy = state === 'connecting' || state === 'open' || state === 'closing';
    const focused = document.activeElement;
    connect.hidden = busy;
    disconnect.hidden = !busy && state !== 'waiting';
    // Whoever pressed the one button must find the keyboard focus on the other.
    if (focused === connect && connect.hidden) {
      disconnect.focus();
    } else if (focused === disconnect && disconnect.hidden) {
      connect.focus();
    }
    for (const control of send) {
      control.disabled = state !== 'open';
    }
  }

  showCount(en, zh) {
    say(this.count, en, zh);
  }
}

/**
 * One connection. `options`: `url()` gives the address at each attempt; `protocols`; the callbacks
 * `onOpen(socket)`, `onMessage(data)`, `onClose(event)`; `view`: that of `StateView`.
 */
export class Link {
  constructor(options) {
    this.options = options;
    this.socket = null;
    this.failures = 0;
    this.retryAt = 0;
    this.timer = 0;
    this.view = new StateView(options.view);
    const { connect, disconnect } = options.view;
    connect.addEventListener('click', () => this.open());
    disconnect.addEventListener('click', () => this.close());
    window.addEventListener('online', () => {
      if (this.state === 'waiting') {
        this.open();
      }
    });
    this.show('idle', 'Not connected', '未连接');
  }

  get isOpen() {
    return this.state === 'open';
  }

  open() {
    window.clearTimeout(this.timer);
    if (this.state === 'connecting' || this.state === 'open' || this.state === 'closing') {
      return;
    }
    const url = this.options.url();
    let socket;
    try {
      socket = new WebSocket(url, this.options.protocols || []);
    } catch (error) {
      this.show('closed', `This address does not work: ${url}`, `地址无法使用：${url}`);
      return;
    }
    socket.binaryType = 'arraybuffer';
    this.socket = socket;
    this.openedAt = 0;
    this.show('connecting', 'Connecting…', '正在连接……');
    socket.addEventListener('open', () => {
      this.openedAt = performance.now();
      this.show('open', 'Connected', '已连接');
      this.options.onOpen?.(socket);
    });
    socket.addEventListener('message', (event) => this.options.onMessage?.(event.data));
    socket.addEventListener('close', (event) => this.closed(event));
  }

  /** Closes on the reader's wish: no coming back until asked. */
  close(code = 1000, reason = '') {
    window.clearTimeout(this.timer);
    if (this.state === 'waiting') {
      this.show('idle', 'Not connected', '未连接');
      return;
    }
    if (this.state !== 'open' && this.state !== 'connecting') {
      return;
    }
    this.show('closing', 'Closing…', '正在关闭……');
    this.socket.close(code, reason);
  }

  /** Sends text or bytes; false if there is no connection. */
  send(data) {
    if (!this.isOpen) {
      return false;
    }
    this.socket.send(data);
    return true;
  }

  closed(event) {
    const wished = this.state === 'closing';
    const wasOpen = this.openedAt > 0;
    if (wasOpen && performance.now() - this.openedAt >= STEADY_MILLISECONDS) {
      this.failures = 0;
    }
    this.socket = null;
    if (wished) {
      this.failures = 0;
      this.show('closed', `Closed (${event.code})`, `已关闭（${event.code}）`);
    } else if (PASSING_CODES.has(event.code)) {
      this.retry(event, wasOpen);
    } else {
      const [en, zh] = meaning(event.code);
      const why = event.reason ? `: ${event.reason}` : '';
      this.show(
        'closed',
        `Closed by the server, ${event.code}, ${en}${why}`,
        `服务端关闭了连接，${event.code}，${zh}${why}`,
      );
    }
    this.options.onClose?.(event, wasOpen);
  }

  retry(event, wasOpen) {
    const step = RETRY_SECONDS[Math.min(this.failures, RETRY_SECONDS.length - 1)];
    this.failures += 1;
    // Spread out, so that many pages do not all knock in the same moment.
    this.retryAt = performance.now() + step * 1000 * (1 + Math.random() * 0.25);
    const [en, zh] = meaning(event.code);
    if (wasOpen) {
      this.show(
        'waiting',
        `Connection lost (${event.code}, ${en}).`,
        `连接断开（${event.code}，${zh}）。`,
      );
    } else {
      this.show(
        'waiting',
        `Server not reachable at ${window.location.host}; is it running?`,
        `连不上服务端 ${window.location.host}，它在运行吗？`,
      );
    }
    this.countDown();
  }

  countDown() {
    const left = Math.ceil((this.retryAt - performance.now()) / 1000);
    if (left <= 0) {
      this.open();
      return;
    }
    this.view.showCount(` Retry in ${left} s.`, ` ${left} 秒后重试。`);
    this.timer = window.setTimeout(() => this.countDown(), 250);
  }

  show(state, en, zh) {
    this.state = state;
    this.view.show(state, en, zh);
    this.options.onState?.(state);
  }
}

/** Bytes of a frame's header (RFC 6455 5.2); frames from a client carry four bytes of mask. */
export function headerLength(payload, fromClient) {
  const length = payload < 126 ? 2 : payload <= 0xffff ? 4 : 10;
  return fromClient ? length + 4 : length;
}

/** Writes one frame into a wire log. */
export function addFrame(log, direction, data) {
  const payload = byteLength(data);
  const header = headerLength(payload, direction === 'out');
  addLine(log, direction, [
    ['way', direction === 'out' ? '→' : '←'],
    ['size', `${header} + ${payload} B`],
    ['data', typeof data === 'string' ? JSON.stringify(data) : hex(new Uint8Array(data))],
  ]);
}

/** The first bytes of a buffer in hexadecimal, and how many more there are. */
export function hex(bytes, limit = 48) {
  const shown = Array.from(bytes.subarray(0, limit), hexByte);
  const more = bytes.length - limit;
  return shown.join(' ') + (more > 0 ? pick(` … ${more} more`, ` …… 另有 ${more} 字节`) : '');
}
