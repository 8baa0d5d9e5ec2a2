// Everything that listens to `/events`: in a page, what browsers have, and beside it curl.

import { spawn } from 'node:child_process';

/** The ways of a page. Each connects again when it is cut, and says where it was. */
export const IN_PAGES = ['EventSource', 'SSE by fetch', 'NDJSON by fetch', 'long poll', 'WebSocket'];

/** What curl is told to accept, in turns: a cursor of one is good for the other. */
const CURL_ACCEPTS = ['text/event-stream', 'application/x-ndjson'];

const RETRY_MILLISECONDS = 20;

/**
 * Runs in a page, and so uses nothing from outside: listens in each of the ways for which `servers`
 * has an address, `http://127.0.0.1:8080`. What each has seen is in `window.seen`: its records by kind, and
 * `problems`, which nobody has. Calls `window.reached(way, count)` now and then.
 */
export function listen([servers, query, retryMilliseconds]) {
  const pause = () => new Promise((resolve) => setTimeout(resolve, retryMilliseconds));
  window.seen = {};
  const start = (way) => {
    const sight = { subscribed: [], messages: [], gaps: [], closes: [], problems: [], beats: 0 };
    window.seen[way] = sight;
    sight.keep = (record) => {
      if (record.event === undefined) {
        sight.messages.push(record);
        sight.cursor = record.id;
        window.reached?.(way, sight.messages.length);
      } else if (record.event === 'subscribed') {
        sight.subscribed.push(record);
        sight.cursor = record.cursor;
      } else if (record.event === 'gap') {
        sight.gaps.push(record);
        sight.cursor = record.id;
      } else if (record.event === 'close') {
        sight.closes.push(record);
      } else if (record.event === 'heart-beat') {
        sight.beats += 1;
      } else {
        sight.problems.push(`what is ${JSON.stringify(record)}?`);
      }
    };
    return sight;
  };
  const address = (way, more = '') => {
    const { cursor } = window.seen[way];
    const after = cursor === undefined ? '' : `&after=${encodeURIComponent(cursor)}`;
    return `${servers[way]}/events?${query}${after}${more}`;
  };

  const eventSource = (way) => {
    const sight = start(way);
    const source = new EventSource(address(way));
    const take = (event) => {
      const record = JSON.parse(event.data);
      if (event.type !== 'message') {
        record.event = event.type;
      }
      const id = record.id ?? record.cursor;
      if (id !== undefined && id !== event.lastEventId) {
        sight.problems.push(`id ${event.lastEventId} of ${event.data}`);
      }
      sight.keep(record);
    };
    for (const type of ['subscribed', 'message', 'gap', 'close']) {
      source.addEventListener(type, take);
    }
    source.onerror = () => {
      if (source.readyState === EventSource.CLOSED) {
        sight.problems.push('the browser has given up');
      }
    };
  };

  const events = (lines, sight) => {
    const event = { data: [] };
    for (const line of lines) {
      const [name, value] = line.split(/: ?(.*)/s);
      if (name === 'data') {
        event.data.push(value);
      } else if (name === '') {
        sight.beats += 1;
      } else {
        event[name] = value;
      }
    }
    if (event.data.length > 0) {
      const record = JSON.parse(event.data.join('\n'));
      if ((record.id ?? record.cursor ?? event.id) !== event.id) {
        sight.problems.push(`id ${event.id} of ${event.data}`);
      }
      if (event.event !== undefined) {
        record.event = event.event;
      }
      sight.keep(record);
    }
  };
  const streams = {
    'SSE by fetch': ['text/event-stream', '\n\n', (text, sight) => events(text.split('\n'), sight)],
    'NDJSON by fetch': ['application/x-ndjson', '\n', (text, sight) => sight.keep(JSON.parse(text))],
  };
  const stream = async (way) => {
    const sight = start(way);
    const [accept, end, take] = streams[way];
    while (sight.closes.length === 0) {
      try {
        const answer = await fetch(address(way), { headers: { accept } });
        // Chromium takes a head that was cut for a whole one.
        const type = answer.headers.get('content-type') ?? accept;
        if (answer.status !== 200 || !accept.startsWith(type.slice(0, accept.length))) {
          sight.problems.push(`${answer.status} ${type}`);
        }
        const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
        let rest = '';
        for (let part = await reader.read(); !part.done; part = await reader.read()) {
          const whole = (rest + part.value).split(end);
          rest = whole.pop();
          whole.forEach((text) => take(text, sight));
        }
      } catch (error) {
        if (!(error instanceof TypeError)) {
          sight.problems.push(`${error}`);
        }
      }
      await pause();
    }
  };

  const longPoll = async (way) => {
    const sight = start(way);
    while (sight.closes.length === 0) {
      const { cursor } = sight;
      try {
        const answer = await fetch(address(way, cursor === undefined ? '&wait=0' : ''));
        const text = await answer.text();
        if (text === '') {
          // Chromium takes a head that was cut before its Content-Length for a whole one.
          continue;
        }
        const { messages, close, ...rest } = JSON.parse(text);
        messages.forEach(sight.keep);
        if (cursor === undefined || rest.recovered !== true) {
          sight.subscribed.push(rest);
        }
        sight.cursor = rest.cursor;
        if (close !== undefined) {
          sight.closes.push(close);
        }
      } catch (error) {
        if (!(error instanceof TypeError)) {
          sight.problems.push(`${error}`);
        }
        await pause();
      }
    }
  };

  const webSocket = (way) => {
    const sight = window.seen[way] ?? start(way);
    const socket = new WebSocket(address(way).replace(/^http/, 'ws'));
    socket.onmessage = ({ data }) => sight.keep(JSON.parse(data));
    socket.onclose = async ({ code, reason, wasClean }) => {
      if (wasClean) {
        sight.closes.push({ code, reason });
        return;
      }
      await pause();
      webSocket(way);
    };
  };

  const starts = { EventSource: eventSource, 'long poll': longPoll, WebSocket: webSocket };
  for (const way of Object.keys(servers)) {
    (starts[way] ?? stream)(way);
  }
}

/** Listens in a page to what `query` says, in each of the ways that `servers` has an address for. */
export async function listenIn(page, servers, query) {
  await page.evaluate(listen, [servers, query, RETRY_MILLISECONDS]);
}

/** Listens in a page to what `query` says in each way, at one server. */
export function listenEachWay(page, server, query) {
  return listenIn(page, Object.fromEntries(IN_PAGES.map((way) => [way, server])), query);
}

/** Waits until each of the ways of a page has subscribed. */
export async function allSubscribed(page) {
  await page.waitForFunction(() =>
    Object.values(window.seen).every(({ cursor }) => cursor !== undefined),
  );
}

/** What each of the ways of a page has seen. */
export function sights(page) {
  return page.evaluate(() => {
    const plain = Object.entries(window.seen).map(([way, { keep: _, ...sight }]) => [way, sight]);
    return Object.fromEntries(plain);
  });
}

/** curl, which is started again with the last cursor whenever it ends. */
export class Curl {
  #child;
  #stopped = false;
  #lines = [];
  messages = [];
  subscribed = [];
  gaps = [];
  runs = 0;

  /** Listens to what `query` says at `host` until the test `t` ends. */
  static start(t, host, query) {
    const curl = new Curl();
    curl.#run(host, query);
    t.after(() => {
      curl.#stopped = true;
      curl.#child.kill('SIGKILL');
    });
    return curl;
  }

  #run(host, query) {
    const accept = CURL_ACCEPTS[this.runs % CURL_ACCEPTS.length];
    this.runs += 1;
    const after = this.cursor === undefined ? '' : `&after=${encodeURIComponent(this.cursor)}`;
    const url = `http://${host}/events?${query}${after}`;
    this.#lines = [];
    const child = spawn('curl', ['--silent', '--no-buffer', '--header', `Accept: ${accept}`, url], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    this.#child = child;
    let rest = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      const lines = (rest + text).split('\n');
      // What has no end yet may never get one.
      rest = lines.pop();
      lines.forEach((line) => this.#take(line, accept));
    });
    child.on('close', () => {
      if (!this.#stopped) {
        setTimeout(() => !this.#stopped && this.#run(host, query), RETRY_MILLISECONDS);
      }
    });
  }

  #take(line, accept) {
    if (accept !== 'text/event-stream') {
      this.#keep(JSON.parse(line));
      return;
    }
    if (line !== '') {
      this.#lines.push(line);
      return;
    }
    const field = (name) =>
      this.#lines.find((text) => text.startsWith(`${name}: `))?.slice(name.length + 2);
    const data = field('data');
    if (data !== undefined) {
      this.#keep({ ...JSON.parse(data), ...(field('event') && { event: field('event') }) });
    }
    this.#lines = [];
  }

  #keep(record) {
    if (record.event === undefined) {
      this.messages.push(record);
      this.cursor = record.id;
    } else if (record.event === 'subscribed') {
      this.subscribed.push(record);
      this.cursor = record.cursor;
    } else if (record.event === 'gap') {
      this.gaps.push(record);
    }
  }
}
