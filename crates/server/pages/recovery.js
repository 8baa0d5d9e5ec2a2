// A subscription that goes on where it ended: numbers, a connection that is cut, and what became of
// each number.

import { announce, byId, say, setUpCopy, socketUrl } from '/assets/app.js';
import { FrameLog } from '/assets/greetings-frames.js';
import { StateView, meaning } from '/assets/link.js';
import { Board } from '/assets/recovery-board.js';
import { Ticker } from '/assets/recovery-ticker.js';
import { recovering } from '/assets/stompjs-recovery.js';

const ENDPOINT = '/stomp';
const RECONNECT_MILLISECONDS = 100;
const CUTS_AT_A_TIME = 10;
// How long a connection lives that is cut at random, in milliseconds.
const LIFE_MIN = 100;
const LIFE_MAX = 900;

// Pages do not disturb each other: each has a topic, and so a history, of its own.
const topic = `/topic/recovery-${Array.from(crypto.getRandomValues(new Uint32Array(2))).join('')}`;

const shownFrames = new Set(['SUBSCRIBE', 'UNSUBSCRIBE', 'RECEIPT', 'ERROR']);
const isShown = ({ command, headers }) =>
  shownFrames.has(command) || headers?.some((line) => line.startsWith('gap:'));
const frames = new FrameLog(byId('frames-log'), isShown);
const board = new Board(byId('recovery-board'));
const view = new StateView({
  state: byId('recovery-state'),
  connect: byId('recovery-connect'),
  disconnect: byId('recovery-disconnect'),
  send: [byId('recovery-cut'), byId('recovery-cut-many')],
});

let client = null;
let subscription = null;
let state = 'idle';
let wasOpen = false;
let cuts = 0;
let cutsLeft = 0;
let cutTimer = 0;
let wasCut = false;
let awayMilliseconds = 0;
/** Where live begins on this connection: what is not after it was replayed. */
let joined = 0;
let replayedBefore = 0;
let verdict = '';

const positionOf = (cursor) => Number(cursor.split('-')[1]);

function show(next, en, zh) {
  state = next;
  view.show(state, en, zh);
  byId('recovery-cut-many').disabled = state !== 'open' || cutsLeft > 0;
}

/** A WebSocket for stompjs, of whose frames those about the subscription are shown. */
function observedSocket() {
  const socket = new WebSocket(socketUrl(ENDPOINT), client.stompVersions.protocolVersions());
  socket.binaryType = 'arraybuffer';
  wasOpen = false;
  socket.addEventListener('open', () => {
    wasOpen = true;
  });
  socket.addEventListener('message', (event) => {
    // What still comes on a connection that was cut reaches nobody.
    if (client.webSocket === socket) {
      frames.add('in', event.data);
    }
  });
  const send = socket.send.bind(socket);
  socket.send = (data) => {
    frames.add('out', data);
    send(data);
  };
  return socket;
}

function arrived(message) {
  const replayed = positionOf(message.headers['message-id']) <= joined;
  board.arrives(Number(message.body), replayed);
}

function resumed({ recovered, cursor }) {
  joined = recovered ? positionOf(cursor) : 0;
  replayedBefore = board.counts.replayed;
  if (recovered) {
    frames.note('Recovered: first the replay, then live.', '已恢复：先重放，再实时。');
  }
}

function gap({ dropped }) {
  board.tellsGap();
  if (dropped === undefined) {
    frames.note(
      'Not recovered: something is missing, and this page knows.',
      '未能恢复：有消息缺失，而且本页面知道。',
    );
  } else {
    frames.note(`The server dropped ${dropped} here.`, `服务端在这里丢弃了 ${dropped} 条。`);
  }
}

function connected() {
  show('open', 'Connected', '已连接');
  if (cutsLeft > 0) {
    const life = LIFE_MIN + Math.random() * (LIFE_MAX - LIFE_MIN);
    cutTimer = window.setTimeout(cutOneOfMany, life);
  }
}

function closed(event) {
  window.clearTimeout(cutTimer);
  if (!client.active) {
    return;
  }
  const [en, zh] = meaning(event.code);
  if (wasCut) {
    show('waiting', 'Cut. Coming back …', '已切断，正在回来……');
  } else if (wasOpen) {
    show('waiting', `Connection lost (${event.code}, ${en}).`, `连接断开（${event.code}，${zh}）。`);
  } else {
    const { host } = window.location;
    show(
      'waiting',
      `Server not reachable at ${host}; is it running?`,
      `连不上服务端 ${host}，它在运行吗？`,
    );
  }
  wasCut = false;
}

/** Drops the connection: whatever is on its way to this page is gone. */
function cut(away) {
  cuts += 1;
  wasCut = true;
  awayMilliseconds = away;
  frames.note(`Cut ${cuts}`, `第 ${cuts} 次切断`);
  client.forceDisconnect();
}

function cutOneOfMany() {
  cutsLeft -= 1;
  cut(0);
  if (cutsLeft === 0) {
    announce('Cut ten times.', '已切断十次。');
  }
}

async function connect() {
  if (client.active) {
    // Whoever presses the button does not want to wait for the next attempt.
    await client.deactivate({ force: true });
  }
  awayMilliseconds = 0;
  show('connecting', 'Connecting…', '正在连接……');
  client.activate();
}

async function disconnect() {
  cutsLeft = 0;
  window.clearTimeout(cutTimer);
  show('closing', 'Closing…', '正在关闭……');
  await client.deactivate();
  show('closed', 'Closed; what is published meanwhile comes later.', '已断开；这期间发布的，之后会补上。');
}

/** One sentence about all numbers so far; it changes seldom, so it may be read aloud. */
function judged({ arrived: count, twice, disordered, lost, told }) {
  if (twice + disordered + lost > 0) {
    return [
      'wrong',
      'Something came twice, out of order or not at all. That must not happen.',
      '有消息重复、乱序或丢失了。这不应该发生。',
    ];
  }
  if (told > 0) {
    return [
      'told',
      'Some were too old for the history, and the page was told.',
      '有些已经不在历史里，页面得到了通知。',
    ];
  }
  if (count > 0) {
    return ['right', 'Every message exactly once, in order.', '每条消息恰好一次，顺序正确。'];
  }
  return ['', 'No message yet.', '还没有消息。'];
}

function draw() {
  const { counts } = board;
  for (const [name, count] of Object.entries({ ...counts, published: board.published, cuts })) {
    const element = byId(`recovery-${name}`);
    if (element && element.textContent !== `${count}`) {
      element.textContent = `${count}`;
      element.parentElement.dataset.some = count > 0;
    }
  }
  byId('recovery-cursor').textContent = subscription.cursor ?? '–';
  const caughtUp = counts.replayed - replayedBefore;
  byId('recovery-latest').textContent = joined > 0 ? `${caughtUp}` : '–';
  const [kind, en, zh] = judged(counts);
  if (kind !== verdict || kind === '') {
    verdict = kind;
    byId('recovery-verdict').dataset.kind = kind;
    say(byId('recovery-verdict'), en, zh);
  }
  window.requestAnimationFrame(draw);
}

function setUp() {
  client = new window.StompJs.Client({
    webSocketFactory: observedSocket,
    reconnectDelay: RECONNECT_MILLISECONDS,
    // A cut is a cut: no closing handshake is waited for.
    discardWebsocketOnCommFailure: true,
    beforeConnect: async () => {
      const wait = awayMilliseconds;
      awayMilliseconds = 0;
      await new Promise((resolve) => window.setTimeout(resolve, wait));
    },
    onConnect: connected,
    onStompError: ({ headers, body }) => {
      const words = `${headers.message}: ${body}`;
      say(byId('recovery-problem'), `The server refuses: ${words}`, `服务端拒绝：${words}`);
    },
    onWebSocketClose: closed,
  });
  subscription = recovering(client).subscribe(topic, arrived, {
    onRecovered: resumed,
    onGap: gap,
  });
  const ticker = new Ticker({
    url: () => socketUrl(ENDPOINT),
    topic,
    board,
    isReady: () => subscription.cursor !== undefined,
  });
  const setRate = () => {
    ticker.rate = Number(byId('recovery-rate').value);
  };
  setRate();
  byId('recovery-rate').addEventListener('change', setRate);
  byId('recovery-connect').addEventListener('click', connect);
  byId('recovery-disconnect').addEventListener('click', disconnect);
  byId('recovery-cut').addEventListener('click', () => {
    cut(Number(byId('recovery-away').value));
  });
  byId('recovery-cut-many').addEventListener('click', () => {
    cutsLeft = CUTS_AT_A_TIME;
    cutOneOfMany();
  });
  window.requestAnimationFrame(draw);
  connect();
}

/** What people paste into a page of their own. */
function ownCode() {
  const { origin } = window.location;
  return `<script src="${origin}/assets/stomp.umd.min.js"></script>
<script type="module">
  import { recovering } from '${origin}/assets/stompjs-recovery.js';
  const client = new StompJs.Client({ brokerURL: '${socketUrl(ENDPOINT)}', reconnectDelay: 500 });
  recovering(client).subscribe('/topic/greetings', (message) => console.log(message.body), {
    onRecovered: ({ recovered }) => console.log('recovered', recovered),
    onGap: () => console.log('something is missing: load it anew'),
  });
  client.activate();
</script>`;
}

byId('recovery-topic').textContent = topic;
byId('own-code').textContent = ownCode();
setUpCopy(byId('own-copy'), byId('own-code'));
byId('frames-clear').addEventListener('click', () => frames.clear());
show('idle', 'Not connected', '未连接');
if (window.StompJs) {
  setUp();
} else {
  byId('library-missing').hidden = false;
  byId('recovery-connect').disabled = true;
}
