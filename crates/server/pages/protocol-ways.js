// The same topic by polling, long polling, SSE and a WebSocket, and what each of them costs.

import { byId, part, say, socketUrl, stamp } from '/assets/app.js';
import { StateView } from '/assets/link.js';
import { Socket, Stream, longPolling, polling } from '/assets/protocol-listeners.js';

const TOPIC = '/topic/demo/ways';
const BURST_MESSAGES = 100;
const BURST_MILLISECONDS = 100;
const RECONNECT_MILLISECONDS = 1000;

const WAYS = [
  {
    id: 'polling',
    name: ['Polling', '轮询'],
    listener: polling,
    asks: `GET /events?destination=${TOPIC}&wait=0`,
    what: [
      'Asks once a second whether there is anything. Most answers are empty, and what is new ' +
        'waits for the next turn.',
      '每秒问一次有没有新消息。多数回答是空的，新消息还要等下一次才拿到。',
    ],
  },
  {
    id: 'long-polling',
    name: ['Long polling', '长轮询'],
    listener: longPolling,
    asks: `GET /events?wait=20&destination=${TOPIC}`,
    what: [
      'The server answers once there is something, or after 20 seconds; then the page asks again.',
      '有了消息服务端才回答，最多让它等 20 秒；收到后页面再问。',
    ],
  },
  {
    id: 'sse',
    name: ['Server-sent events', '服务端推送事件（SSE）'],
    listener: (meter, topic) => new Stream(meter, topic),
    asks: `GET /events?destination=${TOPIC}  Accept: text/event-stream`,
    what: [
      'One answer that never ends; a message is a few lines of it. After a cut the browser comes ' +
        'back by itself and says what it had.',
      '一个不结束的回答，每条消息是其中几行。断线后浏览器自己回来，并说明收到了哪里。',
    ],
  },
  {
    id: 'websocket',
    name: ['WebSocket', 'WebSocket'],
    listener: (meter, topic) => new Socket(meter, topic),
    asks: `${socketUrl('/events')}?destination=${TOPIC}`,
    what: [
      'One handshake, and then a frame for each message, with a header of two to four bytes.',
      '握手一次，之后每条消息就是一帧，头部只有二到四个字节。',
    ],
  },
];

const MISSED = ['Listening; some were missed', '正在收听，漏掉了一些'];

// Other windows publish to the same topic: their clocks are not this page's.
const page = Array.from(crypto.getRandomValues(new Uint32Array(2))).join('-');

/** What one way has cost so far, and what it brought. */
class Meter {
  constructor(card, view, changed) {
    this.card = card;
    this.view = view;
    this.changed = changed;
    this.isRunning = false;
    this.isWaiting = false;
    this.hasMissed = false;
    this.reset();
  }

  reset() {
    this.requests = 0;
    this.bytes = 0;
    this.messages = 0;
    this.timed = 0;
    this.sum = 0;
    this.worst = 0;
    this.show();
    this.changed();
  }

  shows(state, en, zh) {
    this.isRunning = state !== 'closed' && state !== 'idle';
    this.isWaiting = state === 'waiting';
    this.hasMissed &&= state !== 'connecting';
    const words = state === 'open' && this.hasMissed ? MISSED : [en, zh];
    this.view.show(state, ...words);
  }

  asks() {
    this.requests += 1;
    this.show();
  }

  gets(bytes) {
    this.bytes += bytes;
    this.show();
    this.changed();
  }

  message({ data }) {
    this.messages += 1;
    const latency = latencyOf(data);
    if (latency !== null) {
      this.timed += 1;
      this.sum += latency;
      this.worst = Math.max(this.worst, latency);
    }
    this.show();
  }

  misses() {
    this.hasMissed = true;
    this.shows('open', ...MISSED);
  }

  show() {
    const { requests, bytes, messages, timed, sum, worst } = this;
    const milliseconds = (value) => (timed === 0 ? '–' : `${Math.round(value)} ms`);
    const figures = {
      requests,
      received: `${bytes.toLocaleString('en')} B`,
      messages,
      each: messages === 0 ? '–' : `${Math.round(bytes / messages).toLocaleString('en')} B`,
      mean: milliseconds(sum / timed),
      worst: milliseconds(worst),
    };
    for (const [name, figure] of Object.entries(figures)) {
      part(this.card, name).textContent = String(figure);
    }
  }
}

/** From this page's publishing to now, in milliseconds; null for what others have published. */
function latencyOf(data) {
  try {
    const body = JSON.parse(data);
    return body.page === page && Number.isFinite(body.at) ? performance.now() - body.at : null;
  } catch (error) {
    return null; // anybody may send anything to this topic
  }
}

/** One way's card: `{ meter, start, stop }`. */
function addWay({ id, name, listener, asks, what }, changed) {
  const card = stamp('way-template', `way-${id}`);
  say(part(card, 'name'), ...name);
  say(part(card, 'what'), ...what);
  // A line may end before a parameter, and not within one.
  const words = asks.split(/(?=[?&])/).flatMap((text) => [document.createElement('wbr'), text]);
  part(card, 'asks').replaceChildren(...words);
  byId('ways').append(card);
  const view = new StateView({
    state: part(card, 'state'),
    connect: part(card, 'start'),
    disconnect: part(card, 'stop'),
  });
  const meter = new Meter(card, view, changed);
  const listening = listener(meter, TOPIC);
  const start = () => {
    if (!meter.isRunning || meter.isWaiting) {
      listening.start();
    }
  };
  const stop = () => {
    if (meter.isRunning) {
      listening.stop();
      meter.shows('closed', 'Stopped', '已停止');
    }
  };
  part(card, 'start').addEventListener('click', start);
  part(card, 'stop').addEventListener('click', stop);
  meter.shows('idle', 'Not started', '未启动');
  return { card, meter, start, stop };
}

let ways = [];

/** The bars show each way's bytes beside those of the most expensive one. */
function drawBars() {
  const most = Math.max(1, ...ways.map(({ meter }) => meter.bytes));
  for (const { card, meter } of ways) {
    part(card, 'bar').style.width = `${(100 * meter.bytes) / most}%`;
  }
}

/** Publishes over a STOMP connection of its own, which is there from the first message on. */
class Publisher {
  constructor(told) {
    this.told = told;
    this.published = 0;
    this.left = 0;
    this.timer = 0;
    this.client = null;
  }

  /** Publishes so many messages, one after the other. */
  publish(count) {
    this.left += count;
    if (this.client === null) {
      this.client = new window.StompJs.Client({
        reconnectDelay: RECONNECT_MILLISECONDS,
        webSocketFactory: () =>
          new WebSocket(socketUrl('/stomp'), this.client.stompVersions.protocolVersions()),
        onConnect: () => this.next(),
      });
      this.client.activate();
    }
    this.next();
  }

  next() {
    if (this.left === 0 || this.timer !== 0 || !this.client?.connected) {
      return;
    }
    this.left -= 1;
    this.published += 1;
    const body = JSON.stringify({ page, number: this.published, at: performance.now() });
    const headers = { 'content-type': 'application/json' };
    this.client.publish({ destination: TOPIC, body, headers });
    this.told(this.published, this.left);
    this.timer = window.setTimeout(() => {
      this.timer = 0;
      this.next();
    }, BURST_MILLISECONDS);
  }

  stop() {
    window.clearTimeout(this.timer);
    this.timer = 0;
    this.left = 0;
    this.client?.deactivate();
    this.client = null;
    this.told(this.published, 0);
  }
}

function showPublished(published, left) {
  byId('ways-burst').disabled = left > 0;
  say(
    byId('ways-published'),
    published === 0 ? '' : `Published ${published}.` + (left > 0 ? ` ${left} to go.` : ''),
    published === 0 ? '' : `已发布 ${published} 条。` + (left > 0 ? `还有 ${left} 条。` : ''),
  );
}

/** Puts the section together; nothing is asked for before somebody presses a button. */
export function setUpWays() {
  ways = WAYS.map((way) => addWay(way, drawBars));
  const publisher = new Publisher(showPublished);
  const stopAll = () => {
    ways.forEach(({ stop }) => stop());
    publisher.stop();
  };
  byId('ways-start').addEventListener('click', () => ways.forEach(({ start }) => start()));
  byId('ways-stop').addEventListener('click', stopAll);
  byId('ways-reset').addEventListener('click', () => ways.forEach(({ meter }) => meter.reset()));
  byId('ways-one').addEventListener('click', () => publisher.publish(1));
  byId('ways-burst').addEventListener('click', () => publisher.publish(BURST_MESSAGES));
  if (!window.StompJs) {
    byId('ways-one').disabled = true;
    byId('ways-burst').disabled = true;
    say(
      byId('ways-problem'),
      'Nothing can be published from here: this program was built without stompjs, see Greetings.',
      '这里没法发布：编译这个程序的时候缺少 stompjs，见“问候”页。',
    );
  }
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) {
      stopAll();
    }
  });
}
