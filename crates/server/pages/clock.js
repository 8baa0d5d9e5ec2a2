// The pushes of /ws/{sid}: a bell that swings at each, and the wait for the next.

import { addLine, byId, say, socketUrl } from '/assets/app.js';
import { Link } from '/assets/link.js';

const PERIOD_MILLISECONDS = 5000;
const LATE_MILLISECONDS = 2000;

const sid = Math.random().toString(36).slice(2);
const bell = byId('clock-bell');
const ring = byId('clock-ring');
const countdown = byId('clock-countdown');
const still = window.matchMedia('(prefers-reduced-motion: reduce)');

let lastPush = 0;
let shown = '';

function swing() {
  bell.classList.remove('ringing');
  bell.getBoundingClientRect(); // makes the browser start the animation anew
  bell.classList.add('ringing');
}

function showCountdown(en, zh) {
  // Writing the same words four times a second would cost a layout each time.
  if (shown !== en) {
    shown = en;
    say(countdown, en, zh);
  }
}

function tick() {
  if (!link.isOpen) {
    ring.setAttribute('stroke-dashoffset', '100');
    showCountdown('The rope is not connected.', '绳子没有接上。');
    return;
  }
  if (lastPush === 0) {
    showCountdown('Waiting for the first ring', '等待第一声');
    return;
  }
  const since = performance.now() - lastPush;
  if (since > PERIOD_MILLISECONDS + LATE_MILLISECONDS) {
    const late = Math.floor(since / 1000);
    showCountdown(`No ring for ${late} s`, `已经 ${late} 秒没有敲钟`);
    return;
  }
  const left = Math.max(0, PERIOD_MILLISECONDS - since);
  const seconds = Math.ceil(left / 1000);
  const part = still.matches ? seconds / 5 : left / PERIOD_MILLISECONDS;
  ring.setAttribute('stroke-dashoffset', String(Math.round(part * 1000) / 10));
  showCountdown(`Next ring in ${seconds} s`, `${seconds} 秒后再敲`);
}

const link = new Link({
  url: () => socketUrl(`/ws/${sid}`),
  view: {
    state: byId('clock-state'),
    connect: byId('clock-open'),
    disconnect: byId('clock-close'),
    send: [byId('clock-send')],
  },
  onOpen: () => {
    lastPush = 0;
    tick();
  },
  onMessage: (data) => {
    lastPush = performance.now();
    const time = /(\d\d:\d\d:\d\d)\s*$/.exec(data);
    if (time) {
      byId('clock-time').textContent = time[1];
    }
    addLine(byId('clock-log'), 'message theirs', [['text', data]]);
    swing();
    tick();
  },
  onClose: (event, wasOpen) => {
    if (wasOpen) {
      addLine(byId('clock-log'), 'system', [
        ['text', `Connection closed, code ${event.code}`, `连接已关闭，代码 ${event.code}`],
      ]);
    }
    tick();
  },
});

byId('clock-form').addEventListener('submit', (event) => {
  event.preventDefault();
  const input = byId('clock-input');
  if (input.value !== '' && link.send(input.value)) {
    addLine(byId('clock-log'), 'message mine', [['text', input.value]]);
    input.value = '';
  }
});
byId('clock-sid').textContent = sid;
link.open();
tick();
window.setInterval(tick, 100);
