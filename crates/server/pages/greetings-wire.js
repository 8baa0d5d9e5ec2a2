// What a connection costs on the wire, as far as the browser tells.
//
// It tells of a request when it has ended, and never of WebSockets. So what comes on an open stream
// or a WebSocket is counted by its messages; of a stream that has ended the browser's figure counts.

import { byId } from '/assets/app.js';
import { byteLength } from '/assets/bytes.js';
import { headerLength } from '/assets/link.js';

const LOOK_MILLISECONDS = 500;
// SockJS's addresses of streams; its other requests end with what they bring.
const STREAM = /\/(xhr_streaming|eventsource|htmlfile)$/;

/** A message as SockJS writes it into an array. */
function inArray(data) {
  return `a${JSON.stringify([data])}`;
}

/** The bytes of a message on a WebSocket, its header included. */
function framed(data, fromClient) {
  const length = byteLength(data);
  return headerLength(length, fromClient) + length;
}

/** The counts of one connection after the other to `path`. */
export class Wire {
  constructor(path) {
    this.path = path;
    this.observed = new WeakSet();
    this.observe(window);
    this.reset();
    // SockJS's iframes come and go, and each has a list of requests of its own.
    window.setInterval(() => this.look(), LOOK_MILLISECONDS);
  }

  /** A new connection: what is asked for from now on belongs to it. */
  reset() {
    this.since = Date.now();
    this.transport = undefined;
    this.requests = 0;
    this.open = 0;
    this.told = 0;
    this.live = 0;
    this.show();
  }

  /** `transport` is SockJS's name of it, or null without SockJS. */
  opened(transport) {
    this.transport = transport;
    if (this.isWebSocket()) {
      this.requests += 1; // the handshake, of which the browser does not tell
    } else {
      this.open = 1; // there is always one request on which messages come
    }
    this.show();
  }

  closed() {
    this.open = 0;
    this.show();
  }

  received(data) {
    if (this.isWebSocket()) {
      this.live += framed(this.transport ? inArray(data) : data, false);
    } else if (!this.transport.includes('polling')) {
      this.live += byteLength(inArray(data));
    }
    this.show();
  }

  isWebSocket() {
    return this.transport === null || this.transport === 'websocket';
  }

  observe(scope) {
    this.observed.add(scope.performance);
    const { timeOrigin } = scope.performance;
    const observer = new scope.PerformanceObserver((list) => {
      for (const entry of list.getEntries()) {
        this.ended(entry, timeOrigin + entry.startTime);
      }
    });
    observer.observe({ type: 'resource', buffered: true });
  }

  look() {
    for (let index = 0; index < window.frames.length; index += 1) {
      const frame = window.frames[index];
      try {
        if (!this.observed.has(frame.performance)) {
          this.observe(frame);
        }
      } catch (error) {
        // The browser has put a page of its own there, which says that ours could not be loaded.
      }
    }
  }

  ended(entry, startedAt) {
    const { pathname } = new URL(entry.name);
    if (!pathname.startsWith(`${this.path}/`) || startedAt < this.since) {
      return;
    }
    this.requests += 1;
    this.told += entry.transferSize;
    if (STREAM.test(pathname)) {
      this.live = 0;
    }
    this.show();
  }

  show() {
    const names = { null: 'WebSocket', undefined: '–' };
    byId('wire-transport').textContent = names[this.transport] ?? this.transport;
    const requests = this.requests + this.open;
    const received = this.told + this.live;
    byId('wire-requests').textContent = String(requests);
    byId('wire-received').textContent = `${received.toLocaleString('en')} B`;
  }
}
