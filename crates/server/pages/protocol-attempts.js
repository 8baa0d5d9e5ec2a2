// Handshakes to try: what is sent, what should come of it, and why.

// A name that is reserved for examples (RFC 2606): no page comes from there.
const ELSEWHERE = 'https://elsewhere.example';

/**
 * `id`; `query` for the demo's route, or a function of the page's origin; the `status` to expect;
 * what is tried; why it ends as it does; and where that is written.
 */
export const ATTEMPTS = [
  {
    id: 'version-8',
    query: { path: '/chat', version: '8' },
    status: 426,
    what: ['Version 8', '版本 8'],
    why: [
      'Drafts had other versions. The server answers 426 and says which one it speaks, so that ' +
        'the client can try again.',
      '草案阶段用过别的版本。服务端回 426，并写明自己支持的版本，客户端可以换成它再试。',
    ],
    source: 'RFC 6455 4.4',
  },
  {
    id: 'version-12',
    query: { path: '/chat', version: '12' },
    status: 426,
    what: ['Version 12', '版本 12'],
    why: [
      'One below is as wrong as any other: there is only 13.',
      '只差一号也不行：有效的版本只有 13。',
    ],
    source: 'RFC 6455 4.4',
  },
  {
    id: 'version-list',
    query: { path: '/chat', version: '13, 8' },
    status: 426,
    what: ['Versions “13, 8”', '版本“13, 8”'],
    why: [
      'A list belongs into an answer only. A request names one version.',
      '列表只能出现在应答里，请求必须只写一个版本。',
    ],
    source: 'RFC 6455 4.1, 4.4',
  },
  {
    id: 'version-none',
    query: { path: '/chat', version: '' },
    status: 426,
    what: ['No version', '不写版本'],
    why: ['Without the header nobody knows what the client speaks.', '没有这个首部，就不知道客户端说的是哪个版本。'],
    source: 'RFC 6455 4.2.1',
  },
  {
    id: 'protocol-both',
    query: { path: '/chat', protocols: 'chat, superchat' },
    status: 101,
    what: ['Sub-protocols chat and superchat', '子协议 chat 和 superchat'],
    why: [
      'The server speaks both and takes the first that the client lists.',
      '两个服务端都支持，取客户端列在最前面的。',
    ],
    source: 'RFC 6455 1.9, 4.2.2',
  },
  {
    id: 'protocol-second',
    query: { path: '/chat', protocols: 'morse, superchat' },
    status: 101,
    what: ['Sub-protocols morse and superchat', '子协议 morse 和 superchat'],
    why: ['It does not know morse, so superchat is agreed on.', '服务端不认识 morse，于是选了 superchat。'],
    source: 'RFC 6455 4.2.2',
  },
  {
    id: 'protocol-none-in-common',
    query: { path: '/chat', protocols: 'morse' },
    status: 101,
    what: ['Only the sub-protocol morse', '只有子协议 morse'],
    why: [
      'Nothing in common: the answer names none. A browser then gives up with an error; other ' +
        'clients may go on without.',
      '没有共同的子协议：应答里就不写。浏览器这时会报错断开，别的客户端可以不用子协议继续。',
    ],
    source: 'RFC 6455 4.2.2',
  },
  {
    id: 'protocol-strict',
    query: { path: '/demo/protocol/strict', protocols: 'morse' },
    status: 400,
    what: ['morse at a strict endpoint', '在严格端点上只提 morse'],
    why: [
      'This endpoint cannot speak without a sub-protocol, so it refuses before the connection is ' +
        'upgraded.',
      '这个端点没有子协议就没法对话，所以在升级之前就拒绝了。',
    ],
    source: 'RFC 6455 4.2.2',
  },
  {
    id: 'key-none',
    query: { path: '/chat', key: '' },
    status: 400,
    what: ['No key', '不写 Key'],
    why: [
      'Without a key there is nothing to prove that the answer is for this request.',
      '没有 Key，就无法证明应答是给这个请求的。',
    ],
    source: 'RFC 6455 4.2.1',
  },
  {
    id: 'key-short',
    query: { path: '/chat', key: 'c2hvcnQ=' },
    status: 400,
    what: ['A key of 5 bytes', '只有 5 个字节的 Key'],
    why: [
      'A key is 16 bytes in base64. This one decodes to “short”.',
      'Key 必须是 16 个字节的 base64，这一个解码后是“short”。',
    ],
    source: 'RFC 6455 4.2.1',
  },
  {
    id: 'method-post',
    query: { path: '/chat', method: 'POST' },
    status: 405,
    what: ['POST instead of GET', '用 POST 代替 GET'],
    why: ['The handshake is a GET. The answer says so in Allow.', '握手只能用 GET，应答用 Allow 写明。'],
    source: 'RFC 6455 4.1, RFC 9110 15.5.6',
  },
  {
    id: 'http-1-0',
    query: { path: '/chat', http: '1.0' },
    status: 400,
    what: ['HTTP/1.0', 'HTTP/1.0'],
    why: ['HTTP/1.0 has no Upgrade: 1.1 is the least.', 'HTTP/1.0 没有 Upgrade，至少要 1.1。'],
    source: 'RFC 6455 4.1',
  },
  {
    id: 'upgrade-none',
    query: { path: '/chat', upgrade: '', connection: '' },
    status: 400,
    what: ['A plain GET, no Upgrade', '普通的 GET，没有 Upgrade'],
    why: [
      'Nothing asks for a WebSocket here, and there is no page at this address.',
      '没有请求升级，而这个地址也没有网页。',
    ],
    source: 'RFC 6455 4.2.1',
  },
  {
    id: 'origin-any',
    query: { path: '/chat', origin: ELSEWHERE },
    status: 101,
    what: ['A page from elsewhere, at /chat', '别处的页面连接 /chat'],
    why: [
      'WebSockets have no same-origin policy: the browser sends Origin and the server decides. ' +
        'The demos accept every page.',
      'WebSocket 没有同源限制：浏览器送出 Origin，由服务端决定。演示端点接受所有页面。',
    ],
    source: 'RFC 6455 10.2',
  },
  {
    id: 'origin-strict',
    query: { path: '/demo/protocol/strict', protocols: 'chat', origin: ELSEWHERE },
    status: 403,
    what: ['A page from elsewhere, at a strict endpoint', '别处的页面连接严格端点'],
    why: ['This endpoint is for pages of this server only.', '这个端点只接受本服务器的页面。'],
    source: 'RFC 6455 4.2.2, 10.2',
  },
  {
    id: 'origin-own',
    query: (origin) => ({
      path: '/demo/protocol/strict',
      protocols: 'chat',
      origin,
      host: new URL(origin).host,
    }),
    status: 101,
    what: ['This page, at the strict endpoint', '本页面连接严格端点'],
    why: ['The origin is the server’s own, and chat is spoken.', '同源，而且双方都支持 chat。'],
    source: 'RFC 6455 4.2.2, 10.2',
  },
  {
    id: 'path-unknown',
    query: { path: '/nowhere' },
    status: 404,
    what: ['A path without an endpoint', '没有端点的路径'],
    why: [
      'Until it is answered with 101, a handshake is HTTP like any other.',
      '在 101 之前，握手就是普通的 HTTP。',
    ],
    source: 'RFC 6455 4.2.2',
  },
];
