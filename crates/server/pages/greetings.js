// The guide's greeting over STOMP, by stompjs, with the frames that it sends and gets.

import { announce, byId, say, setUpCopy, timeOfDay } from '/assets/app.js';
import { FrameLog } from '/assets/greetings-frames.js';
import { PLAIN, openSocket, ownCode } from '/assets/greetings-transport.js';
import { Wire } from '/assets/greetings-wire.js';
import { StateView, meaning } from '/assets/link.js';

const ENDPOINT = '/gs-guide-websocket';
const GREETINGS = '/topic/greetings';
const SUBSCRIPTION = 'greetings';
const RECONNECT_SECONDS = 2;
// What SockJS closes with when no transport that it may use has worked.
const ALL_FAILED = 2000;
const ROWS_MAX = 100;

const frames = new FrameLog(byId('frames-log'));
const wire = new Wire(ENDPOINT);
const transport = byId('greetings-transport');
const agreements = ['version', 'outgoing', 'incoming'].map((name) => byId(`greetings-${name}`));
const settings = [transport, ...agreements];
const controls = ['send', 'subscribe', 'unsubscribe', 'error'];
const view = new StateView({
  state: byId('greetings-state'),
  connect: byId('greetings-connect'),
  disconnect: byId('greetings-disconnect'),
  send: controls.map((name) => byId(`greetings-${name}`)),
});

let client = null;
let subscribed = true;
let receipts = 0;
let state = 'idle';
let wasOpen = false;
/** What the frames of the connection travel in, for the eye. */
let carrier = 'WebSocket';

function show(next, en, zh) {
  state = next;
  view.show(state, en, zh);
  // What both sides agree on belongs to the connection.
  for (const setting of settings) {
    setting.disabled = state !== 'idle' && state !== 'closed';
  }
}

function problem(en, zh) {
  say(byId('greetings-problem'), en, zh);
}

/** A connection for stompjs, whose messages are shown. */
function observedSocket() {
  const choice = transport.value;
  carrier = choice === PLAIN ? 'WebSocket' : 'SockJS';
  wasOpen = false;
  wire.reset();
  return openSocket(choice, ENDPOINT, client.stompVersions.protocolVersions(), {
    opened: (name, subProtocol) => {
      wasOpen = true;
      wire.opened(name);
      if (name) {
        frames.note(`SockJS open, transport ${name}`, `SockJS 已打开，传输方式 ${name}`);
      } else {
        const protocol = subProtocol || '–';
        frames.note(
          `WebSocket open, sub-protocol ${protocol}`,
          `WebSocket 已打开，子协议 ${protocol}`,
        );
      }
    },
    received: (data) => {
      wire.received(data);
      frames.add('in', data);
    },
    sent: (data) => frames.add('out', data),
  });
}

function everySeconds(milliseconds) {
  const seconds = milliseconds / 1000;
  return milliseconds === 0 ? ['none', '没有'] : [`every ${seconds}\u00a0s`, `每 ${seconds}\u00a0秒`];
}

/** How often a heart-beat goes one way, once both have said what they can and what they want. */
function agreed(can, wants) {
  return can === 0 || wants === 0 ? 0 : Math.max(can, wants);
}

/** Says what was agreed on; `headers` are those of CONNECTED. */
function showAgreement(headers) {
  const [can, wants] = (headers['heart-beat'] || '0,0').split(',').map(Number);
  const ours = everySeconds(agreed(client.heartbeatOutgoing, wants));
  const theirs = everySeconds(agreed(can, client.heartbeatIncoming));
  say(
    byId('greetings-agreed'),
    `STOMP ${headers.version}, server ${headers.server}. ` +
      `Heart-beats from here: ${ours[0]}; from the server: ${theirs[0]}.`,
    `STOMP ${headers.version}，服务端 ${headers.server}。` +
      `心跳：本页面${ours[1]}；服务端${theirs[1]}。`,
  );
}

/** The guide's server escapes names as HTML has it: a document that nobody sees reads them. */
function unescaped(content) {
  return new DOMParser().parseFromString(content, 'text/html').documentElement.textContent;
}

/** Whoever sends to the topic itself may send anything: that is shown as it is. */
function greetingOf(body) {
  try {
    const { content } = JSON.parse(body);
    return typeof content === 'string' ? unescaped(content) : body;
  } catch (error) {
    return body;
  }
}

function greeted(message) {
  const [row, time] = [document.createElement('tr'), timeOfDay(new Date())];
  for (const text of [greetingOf(message.body), time]) {
    row.insertCell().textContent = text;
  }
  const rows = byId('greetings-rows');
  rows.append(row);
  while (rows.children.length > ROWS_MAX) {
    rows.firstElementChild.remove();
  }
  byId('greetings-none').hidden = true;
  const scroll = byId('greetings-scroll');
  scroll.scrollTop = scroll.scrollHeight;
}

function showSubscription() {
  const [yes, no] = [byId('greetings-unsubscribe'), byId('greetings-subscribe')];
  const focused = document.activeElement;
  yes.hidden = !subscribed;
  no.hidden = subscribed;
  if (focused === yes || focused === no) {
    (subscribed ? yes : no).focus();
  }
}

function subscribe() {
  client.subscribe(GREETINGS, greeted, { id: SUBSCRIPTION });
}

function connected(frame) {
  show('open', 'Connected', '已连接');
  showAgreement(frame.headers);
  if (subscribed) {
    subscribe();
  }
}

function closed(event) {
  const [en, zh] = meaning(event.code);
  const again = [
    `stompjs tries again every ${RECONNECT_SECONDS} s.`,
    `stompjs 每 ${RECONNECT_SECONDS} 秒再试一次。`,
  ];
  wire.closed();
  if (wasOpen) {
    frames.note(
      `${carrier} closed, ${event.code} (${en})`,
      `${carrier} 已关闭，${event.code}（${zh}）`,
    );
    say(byId('greetings-result'), '', '');
  }
  if (!client.active) {
    return;
  }
  if (wasOpen) {
    show(
      'waiting',
      `Connection lost (${event.code}, ${en}). ${again[0]}`,
      `连接断开（${event.code}，${zh}）。${again[1]}`,
    );
  } else if (state === 'connecting' && event.code === ALL_FAILED) {
    const name = transport.value;
    show(
      'waiting',
      `SockJS cannot connect by ${name}: the server or this browser does not do it. ${again[0]}`,
      `SockJS 用 ${name} 连不上：服务端或这个浏览器不支持。${again[1]}`,
    );
  } else if (state === 'connecting') {
    const { host } = window.location;
    show(
      'waiting',
      `Server not reachable at ${host}; is it running? ${again[0]}`,
      `连不上服务端 ${host}，它在运行吗？${again[1]}`,
    );
  }
}

async function connect() {
  problem('', '');
  say(byId('greetings-result'), '', '');
  if (client.active) {
    // Between two attempts: whoever presses the button does not want to wait for the next one.
    await client.deactivate({ force: true });
  }
  const [version, outgoing, incoming] = agreements.map((setting) => setting.value);
  client.configure({
    stompVersions: new window.StompJs.Versions(version.split(',')),
    heartbeatOutgoing: Number(outgoing),
    heartbeatIncoming: Number(incoming),
  });
  show('connecting', 'Connecting…', '正在连接……');
  client.activate();
}

async function disconnect() {
  show('closing', 'Closing…', '正在关闭……');
  await client.deactivate();
  show('closed', 'Closed', '已断开');
}

function sendName(event) {
  event.preventDefault();
  const name = byId('greetings-name').value.trim();
  if (name === '') {
    problem('Say a name first.', '先写上名字。');
    byId('greetings-name').focus();
    return;
  }
  problem('', '');
  const headers = {};
  if (byId('greetings-receipt').checked) {
    receipts += 1;
    headers.receipt = `hello-${receipts}`;
    say(byId('greetings-result'), 'Waiting for the receipt …', '等待回执……');
    client.watchForReceipt(headers.receipt, () => {
      const id = headers.receipt;
      say(
        byId('greetings-result'),
        `RECEIPT ${id}: the server has dealt with it.`,
        `RECEIPT ${id}：服务端已经处理完。`,
      );
    });
  }
  client.publish({ destination: '/app/hello', body: JSON.stringify({ name }), headers });
}

function refused(frame) {
  const [word, words] = [frame.headers.message, frame.body];
  problem(`The server refuses: ${word}: ${words}`, `服务端拒绝：${word}：${words}`);
}

function setUp() {
  client = new window.StompJs.Client({
    webSocketFactory: observedSocket,
    reconnectDelay: RECONNECT_SECONDS * 1000,
    onConnect: connected,
    onStompError: refused,
    onWebSocketClose: closed,
  });
  byId('greetings-connect').addEventListener('click', connect);
  byId('greetings-disconnect').addEventListener('click', disconnect);
  byId('greetings-form').addEventListener('submit', sendName);
  byId('greetings-unsubscribe').addEventListener('click', () => {
    subscribed = false;
    client.unsubscribe(SUBSCRIPTION);
    showSubscription();
    announce('Unsubscribed: greetings no longer come.', '已退订，不再收到问候。');
  });
  byId('greetings-subscribe').addEventListener('click', () => {
    subscribed = true;
    subscribe();
    showSubscription();
    announce('Subscribed.', '已订阅。');
  });
  byId('greetings-error').addEventListener('click', () => {
    client.publish({ destination: '/nowhere/hello', body: 'Is anybody there?' });
  });
  connect();
}

function showOwnCode() {
  byId('own-code').textContent = ownCode(transport.value, ENDPOINT, GREETINGS);
}

showOwnCode();
transport.addEventListener('change', showOwnCode);
setUpCopy(byId('own-copy'), byId('own-code'));
byId('frames-clear').addEventListener('click', () => frames.clear());
if (!window.SockJS) {
  byId('sockjs-missing').hidden = false;
  byId('greetings-sockjs').disabled = true;
}
show('idle', 'Not connected', '未连接');
if (window.StompJs) {
  setUp();
} else {
  byId('library-missing').hidden = false;
  byId('greetings-connect').disabled = true;
}
