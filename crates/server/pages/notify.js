// Devices of users on /websocket/{userId}, and a form that publishes over plain HTTP.

import {
  addLine,
  announce,
  byId,
  part,
  pick,
  say,
  setUpCopy,
  showPublishCommand,
  socketUrl,
  stamp,
} from '/assets/app.js';
import { Link } from '/assets/link.js';

const DEVICE_LIMIT = 6;

const user = byId('publish-user');
const message = byId('publish-message');
const result = byId('publish-result');
const answer = byId('publish-answer');

let deviceNumber = 0;

function showDeviceLimit() {
  byId('device-add').disabled = byId('devices').children.length >= DEVICE_LIMIT;
}

function addDevice(userId) {
  deviceNumber += 1;
  const number = deviceNumber;
  const device = stamp('device-template', `device-${number}`);
  byId('devices').append(device);
  say(part(device, 'title'), `Device ${number}, user`, `设备 ${number}，用户`);
  part(device, 'user').textContent = userId;
  const log = part(device, 'log');
  const link = new Link({
    url: () => socketUrl(`/websocket/${encodeURIComponent(userId)}`),
    view: {
      state: part(device, 'state'),
      connect: part(device, 'connect'),
      disconnect: part(device, 'disconnect'),
    },
    onMessage: (data) => addLine(log, 'message theirs', [['text', data]]),
  });
  part(device, 'remove').addEventListener('click', () => {
    link.close();
    device.remove();
    showDeviceLimit();
    byId('device-user').focus();
    announce(`Device ${number} removed.`, `设备 ${number} 已移除。`);
  });
  link.open();
  showDeviceLimit();
}

function showCommand() {
  showPublishCommand(byId('publish-command'), user.value, message.value);
}

function showResult(problem, en, zh) {
  result.classList.toggle('problem', problem);
  say(result, en, zh);
}

async function publish() {
  const query = new URLSearchParams({ userId: user.value, message: message.value });
  const to = user.value;
  let response;
  let body;
  try {
    response = await fetch(`/socket/publish?${query}`);
    body = await response.text();
  } catch (error) {
    answer.hidden = true;
    showResult(
      true,
      `Server not reachable at ${window.location.host}; is it running? Nothing was published.`,
      `连不上服务端 ${window.location.host}，它在运行吗？消息没有发出。`,
    );
    return;
  }
  answer.hidden = false;
  answer.textContent = `HTTP ${response.status}\n${body}`;
  if (!response.ok) {
    showResult(
      true,
      `The server refused this with HTTP ${response.status}; its answer is below.`,
      `服务端拒绝了，HTTP ${response.status}，回答见下。`,
    );
    return;
  }
  let delivered;
  try {
    delivered = JSON.parse(body).delivered;
  } catch (error) {
    delivered = undefined;
  }
  if (typeof delivered !== 'number') {
    showResult(true, 'The answer has no count of deliveries.', '回答里没有送达数。');
  } else if (delivered === 0) {
    showResult(
      false,
      `Delivered to 0 sessions: nobody is connected as ${to}.`,
      `送达 0 个会话：没有以 ${to} 的身份连接的设备。`,
    );
  } else {
    showResult(
      false,
      `Delivered to ${delivered} ${delivered === 1 ? 'session' : 'sessions'} of user ${to}.`,
      `已送达用户 ${to} 的 ${delivered} 个会话。`,
    );
  }
}

byId('device-form').addEventListener('submit', (event) => {
  event.preventDefault();
  addDevice(byId('device-user').value);
});
byId('publish-form').addEventListener('submit', (event) => {
  event.preventDefault();
  publish();
});
user.addEventListener('input', showCommand);
message.addEventListener('input', showCommand);
message.value = pick('Your order is on its way', '您有新的订单');
setUpCopy(byId('publish-copy'), byId('publish-command'));
showCommand();
addDevice('10086');
