// Four ways to listen to one destination by `/events`: each tells a meter what it asks and gets.
//
// A meter has `shows(state, english, chinese)`, `asks()` for each request, `gets(bytes)`,
// `message(record)` for each message, and `misses()` where the server says that some were dropped.

import { socketUrl } from '/assets/app.js';
import { byteLength } from '/assets/bytes.js';
import { headerLength } from '/assets/link.js';

const RETRY_MILLISECONDS = 2000;
const POLL_MILLISECONDS = 1000;
const WAIT_SECONDS = 20;
// What Chromium takes the head of an answer for, whatever its length.
const HEAD_BYTES = 300;

const CONNECTING = ['connecting', 'Connecting…', '正在连接……'];
const LISTENING = ['open', 'Listening', '正在收听'];
const LOST = [
  'waiting',
  `No answer; again in ${RETRY_MILLISECONDS / 1000} s`,
  `没有回答，${RETRY_MILLISECONDS / 1000} 秒后再试`,
];

/** Waits, but no longer than until the signal. */
function pause(milliseconds, signal) {
  return new Promise((resolve) => {
    const end = () => {
      window.clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = window.setTimeout(end, milliseconds);
    signal.addEventListener('abort', end);
  });
}

function after(cursor) {
  return cursor === null ? '' : `&after=${encodeURIComponent(cursor)}`;
}

/** What all have in common; `open(signal)` listens until the signal. */
class Listener {
  constructor(meter) {
    this.meter = meter;
    this.stopping = null;
    /** Up to where messages have come; whoever was stopped begins anew. */
    this.cursor = null;
  }

  /** Starts, or tries at once what it would try again in a while. */
  start() {
    this.stopping?.abort();
    this.stopping = new AbortController();
    this.meter.shows(...CONNECTING);
    this.open(this.stopping.signal);
  }

  stop() {
    this.stopping?.abort();
    this.cursor = null;
  }

  /** Opens again after a while, if nobody has stopped it. */
  async openLater(signal) {
    this.meter.shows(...LOST);
    await pause(RETRY_MILLISECONDS, signal);
    if (!signal.aborted) {
      this.open(signal);
    }
  }
}

/** Asks again and again; each answer says from where the next question goes on. */
class Asking extends Listener {
  /**
   * Its addresses are `begin`, the seconds to wait, and `end`; no other listener's begin like that.
   * `rest` is what lies between two requests, in milliseconds.
   */
  constructor(meter, { begin, end, wait, rest }) {
    super(meter);
    this.begin = begin;
    this.end = end;
    this.wait = wait;
    this.rest = rest;
    this.watch();
  }

  async open(signal) {
    try {
      // The first question is for a place to begin at, so that nothing is missed after it.
      await this.ask(0, signal);
      this.meter.shows(...LISTENING);
      while (!signal.aborted) {
        await pause(this.rest, signal);
        await this.ask(this.wait, signal);
      }
    } catch (error) {
      if (!signal.aborted) {
        this.openLater(signal);
      }
    }
  }

  async ask(wait, signal) {
    const url = `${this.begin}${wait}${this.end}${after(this.cursor)}`;
    this.meter.asks();
    const response = await fetch(url, { signal, headers: { accept: 'application/json' } });
    const told = await response.json();
    signal.throwIfAborted();
    if (!response.ok) {
      throw new Error(told.detail);
    }
    this.cursor = told.cursor;
    told.messages.forEach((message) => this.meter.message(message));
    if (told.recovered === false) {
      this.meter.misses();
    }
  }

  /** The browser tells how long an answer was, with its head, some time after it has ended. */
  watch() {
    const start = new URL(this.begin, window.location.href).href;
    const observer = new PerformanceObserver((list) => {
      for (const { name, transferSize } of list.getEntries()) {
        if (name.startsWith(start)) {
          this.meter.gets(transferSize);
        }
      }
    });
    observer.observe({ type: 'resource' });
  }
}

/** Asks once a second. */
export function polling(meter, destination) {
  const begin = `/events?destination=${destination}&wait=`;
  return new Asking(meter, { begin, end: '', wait: 0, rest: POLL_MILLISECONDS });
}

/** Asks, and is answered when there is something. */
export function longPolling(meter, destination) {
  // The other way round, so that the browser's figures can be told from those of polling.
  const [begin, end] = ['/events?wait=', `&destination=${destination}`];
  return new Asking(meter, { begin, end, wait: WAIT_SECONDS, rest: 0 });
}

/** An answer that does not end. The browser reads it, and comes back by itself. */
export class Stream extends Listener {
  constructor(meter, destination) {
    super(meter);
    this.destination = destination;
  }

  open(signal) {
    const path = `/events?destination=${this.destination}${after(this.cursor)}`;
    const source = new EventSource(path);
    signal.addEventListener('abort', () => source.close());
    source.addEventListener('open', () => {
      this.meter.asks();
      this.meter.gets(HEAD_BYTES);
    });
    source.addEventListener('subscribed', (event) => {
      this.gets('retry: 2000\nevent: subscribed\n', event);
      this.meter.shows(...LISTENING);
      if (JSON.parse(event.data).recovered === false) {
        this.meter.misses();
      }
    });
    source.addEventListener('message', (event) => {
      this.gets('', event);
      this.meter.message(JSON.parse(event.data));
    });
    source.addEventListener('gap', (event) => {
      this.gets('event: gap\n', event);
      this.meter.misses();
    });
    source.addEventListener('error', () => {
      if (source.readyState === EventSource.CLOSED) {
        this.openLater(signal); // refused: browsers take that for the last word
      } else {
        this.meter.shows(...LOST);
      }
    });
  }

  /** The lines of an event, put back as they came; comments the browser keeps to itself. */
  gets(before, { lastEventId, data }) {
    this.cursor = lastEventId;
    this.meter.gets(byteLength(`${before}id: ${lastEventId}\ndata: ${data}\n\n`));
  }
}

/** A WebSocket, each of whose messages is one record. */
export class Socket extends Listener {
  constructor(meter, destination) {
    super(meter);
    this.destination = destination;
  }

  open(signal) {
    const path = `/events?destination=${this.destination}${after(this.cursor)}`;
    const socket = new WebSocket(socketUrl(path));
    signal.addEventListener('abort', () => socket.close(1000));
    socket.addEventListener('open', () => {
      this.meter.asks();
      this.meter.gets(HEAD_BYTES);
      this.meter.shows(...LISTENING);
    });
    socket.addEventListener('message', ({ data }) => {
      if (!signal.aborted) {
        this.take(data); // what comes until the server has closed, too, is nobody's any more
      }
    });
    socket.addEventListener('close', () => {
      if (!signal.aborted) {
        this.openLater(signal);
      }
    });
  }

  take(data) {
    const length = byteLength(data);
    this.meter.gets(headerLength(length, false) + length);
    const record = JSON.parse(data);
    this.cursor = record.cursor ?? record.id ?? this.cursor;
    if (record.event === undefined) {
      this.meter.message(record);
    } else if (record.event === 'gap' || record.recovered === false) {
      this.meter.misses();
    }
  }
}
