// What carries STOMP's frames: a WebSocket, or SockJS over what it chooses or is told to use.

import { socketUrl } from '/assets/app.js';

/** The choice of a WebSocket without SockJS, and that of SockJS without a transport. */
export const PLAIN = 'plain';
const AUTOMATIC = 'automatic';

/** The transports that SockJS may use for a choice: none means that it takes the best. */
function transportsOf(choice) {
  return choice === AUTOMATIC ? [] : [choice];
}

function openWebSocket(path, protocols, observer) {
  const socket = new WebSocket(socketUrl(path), protocols);
  socket.binaryType = 'arraybuffer';
  socket.addEventListener('open', () => observer.opened(null, socket.protocol));
  socket.addEventListener('message', (event) => observer.received(event.data));
  return socket;
}

function openSockJs(choice, path, observer) {
  const socket = new window.SockJS(path, null, { transports: transportsOf(choice) });
  // SockJS calls listeners after `onopen` and `onmessage`, by which stompjs has answered already.
  const dispatch = socket.dispatchEvent.bind(socket);
  socket.dispatchEvent = (event) => {
    if (event.type === 'open') {
      observer.opened(socket.transport);
    } else if (event.type === 'message') {
      observer.received(event.data);
    }
    return dispatch(event);
  };
  return socket;
}

/**
 * Something like a WebSocket to `path`, as `choice` says. The observer is told `opened(transport,
 * subProtocol)`, where the transport is SockJS's name of it, or null without SockJS; and
 * `received(data)` and `sent(data)`, each before stompjs hears of it.
 */
export function openSocket(choice, path, protocols, observer) {
  const socket =
    choice === PLAIN
      ? openWebSocket(path, protocols, observer)
      : openSockJs(choice, path, observer);
  const send = socket.send.bind(socket);
  socket.send = (data) => {
    observer.sent(data);
    send(data);
  };
  return socket;
}

/** What people paste into a page of their own, for a choice. */
export function ownCode(choice, path, topic) {
  const { origin } = window.location;
  const script = (name) => `<script src="${origin}/assets/${name}"></script>\n`;
  const options =
    choice === AUTOMATIC ? '' : `, null, {\n      transports: ['${choice}'],\n    }`;
  const [library, connect] =
    choice === PLAIN
      ? ['', `{ brokerURL: '${socketUrl(path)}' }`]
      : [
          script('sockjs.min.js'),
          `{\n    webSocketFactory: () => new SockJS('${origin}${path}'${options}),\n  }`,
        ];
  return `${script('stomp.umd.min.js')}${library}<script>
  const client = new StompJs.Client(${connect});
  client.onConnect = () => {
    client.subscribe('${topic}', (message) => console.log(message.body));
    client.publish({ destination: '/app/hello', body: JSON.stringify({ name: 'Ada' }) });
  };
  client.activate();
</script>`;
}
