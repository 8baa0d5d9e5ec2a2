// ws and wss, tried as any page does it.

import { say } from '/assets/app.js';
import { ask } from '/assets/protocol-ask.js';
import { make } from '/assets/protocol-draw.js';

/** Opens a socket as any page does, says hello and closes. */
function tryScheme(url, result) {
  const secure = url.startsWith('wss:');
  say(result, 'Connecting…', '正在连接……');
  const fail = () =>
    say(
      result,
      secure
        ? 'No connection. The browser may not trust the certificate: open the https page ' +
          'beside it once, accept it, and try again.'
        : 'No connection. Is the server running? Pages over https may not use ws.',
      secure
        ? '没有连上。可能是浏览器不信任证书：先打开一次旁边的 https 页面并接受它，再试。'
        : '没有连上。服务端在运行吗？https 页面不能使用 ws。',
    );
  let socket;
  try {
    socket = new WebSocket(`${url}/echo`);
  } catch (error) {
    fail();
    return;
  }
  socket.addEventListener('error', fail);
  socket.addEventListener('open', () => socket.send('ding'));
  socket.addEventListener('message', ({ data }) => {
    say(result, `Connected; “${data}” came back.`, `已连接，“${data}”回来了。`);
    socket.close(1000);
  });
}

function addScheme(url) {
  const item = make('li', '');
  const button = make('button', 'small', 'Connect', '连接');
  const result = make('p', 'small');
  button.type = 'button';
  result.setAttribute('role', 'status');
  button.addEventListener('click', () => tryScheme(url, result));
  item.append(make('code', '', url), button);
  if (url.startsWith('wss:')) {
    const page = make('a', 'small', 'https page', 'https 页面');
    page.href = `${url.replace('wss:', 'https:')}/demo/protocol`;
    page.target = '_blank';
    page.rel = 'noopener';
    item.append(page);
  }
  item.append(result);
  document.getElementById('schemes').append(item);
}

/** Lists where the server can be reached, or how to start it with wss. */
export async function showSchemes() {
  const told = await ask(document.getElementById('schemes-problem'), 'facts', {});
  if (told) {
    [...told.ws, ...told.wss].forEach(addScheme);
    document.getElementById('schemes-none').hidden = told.wss.length > 0;
  }
}
