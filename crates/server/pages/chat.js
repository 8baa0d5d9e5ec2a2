// Two people on /chat, each with a connection of their own.

import { addLine, byId, part, pick, say, socketUrl, stamp } from '/assets/app.js';
import { Link, addFrame } from '/assets/link.js';

const PRIVATE = /^@(\S+)\s+/;
const sign = byId('chat-sign');

/** The text as it goes out; signed behind an addressee, since the endpoint wants `@` in front. */
function outgoing(name, text) {
  if (!sign.checked || name === '') {
    return text;
  }
  const mark = pick(`${name}: `, `${name}：`);
  const addressed = PRIVATE.exec(text);
  return addressed ? addressed[0] + mark + text.slice(addressed[0].length) : mark + text;
}

function setUpPane(prefix, defaultName) {
  const pane = stamp('pane-template', prefix);
  byId('panes').append(pane);
  const [name, log, frames, form, input] = ['name', 'log', 'frames', 'form', 'input'].map(
    (which) => part(pane, which),
  );
  const handshake = part(pane, 'handshake');
  // The endpoint sends our own texts back without saying whose they are.
  let sent = [];

  const retitle = () => {
    const who = name.value || 'Guest';
    say(part(pane, 'title'), `Window of ${who}`, `${who} 的窗口`);
  };
  name.value = defaultName;
  retitle();
  name.addEventListener('input', () => {
    // A name with a space in it could not be addressed with @.
    name.value = name.value.replace(/\s/g, '');
    retitle();
  });

  const link = new Link({
    url: () =>
      socketUrl('/chat' + (name.value ? `?name=${encodeURIComponent(name.value)}` : '')),
    protocols: ['chat', 'superchat'],
    view: {
      state: part(pane, 'state'),
      connect: part(pane, 'connect'),
      disconnect: part(pane, 'disconnect'),
      send: [part(pane, 'send')],
    },
    onState: (state) => {
      // The name belongs to the connection; it can be changed between two of them.
      name.readOnly = state !== 'idle' && state !== 'closed';
    },
    onOpen: (socket) => {
      sent = [];
      const protocol = socket.protocol || '–';
      const packed = socket.extensions;
      const { pathname, search } = new URL(socket.url);
      say(
        handshake,
        `GET ${pathname}${search} → 101, ` +
          `sub-protocol ${protocol}. Sizes are header + payload` +
          (packed ? `, before compression (${packed}).` : '.'),
        `GET ${pathname}${search} → 101，` +
          `子协议 ${protocol}。大小为帧头 + 内容` +
          (packed ? `，压缩之前（${packed}）。` : '。'),
      );
    },
    onMessage: (data) => {
      addFrame(frames, 'in', data);
      const mine = sent.indexOf(data);
      if (mine >= 0) {
        sent.splice(mine, 1);
      }
      const parts = [['text', data]];
      if (PRIVATE.test(data)) {
        parts.push(['tag', 'private', '私信']);
      }
      addLine(log, mine >= 0 ? 'message mine' : 'message theirs', parts);
    },
    onClose: (event, wasOpen) => {
      if (wasOpen) {
        addLine(log, 'system', [
          ['text', `Connection closed, code ${event.code}`, `连接已关闭，代码 ${event.code}`],
        ]);
      }
    },
  });

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    if (input.value === '') {
      return;
    }
    const text = outgoing(name.value, input.value);
    if (link.send(text)) {
      sent.push(text);
      addFrame(frames, 'out', text);
      input.value = '';
    }
  });
  link.open();
}

const names = pick(['Alice', 'Bob'], ['小明', '小红']);
setUpPane('chat-a', names[0]);
setUpPane('chat-b', names[1]);
say(byId('chat-private-example'), `@${names[1]} psst`, `@${names[1]} 悄悄话`);
