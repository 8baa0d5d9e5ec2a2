// WebSocket clients that people use, against /echo and /chat.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, test } from 'node:test';

import { CLIENTS, FRAGMENT_BYTES, connectWebsocket, connectWs } from './support/clients.mjs';
import { LIMIT } from './support/patience.mjs';
import { Server } from './support/server.mjs';

const CROWD = 50;
const MESSAGES_EACH = 20;
const MEBIBYTE = 1 << 20;

let server;
before(async () => {
  server = await Server.start();
});
after(() => server?.stop());

for (const [name, connect] of CLIENTS) {
  describe(`npm ${name}`, () => {
    test('text comes back as text', LIMIT, async (t) => {
      const client = await connect(t, server.socket('/echo'));
      for (const text of ['hello', '', '你好，钟楼 🔔', 'a\u0000b', 'x'.repeat(70_000)]) {
        client.sendText(text);
        assert.equal(await client.next(), text);
      }
    });

    test('binary comes back as binary', LIMIT, async (t) => {
      const client = await connect(t, server.socket('/echo'));
      for (const length of [0, 1, 125, 126, 65_535, 65_536]) {
        const bytes = randomBytes(length);
        client.sendBinary(bytes);
        assert.deepEqual(await client.next(), bytes);
      }
    });

    test('a text of 1 MiB comes back whole', LIMIT, async (t) => {
      const client = await connect(t, server.socket('/echo'));
      const text = randomBytes(MEBIBYTE / 2).toString('hex');
      client.sendText(text);
      // Compared outside `equal`, whose message would hold both.
      assert.ok((await client.next()) === text);
    });

    test('pings are answered with their payload, in order', LIMIT, async (t) => {
      const client = await connect(t, server.socket('/echo'));
      const payloads = ['', 'ding', '钟', 'x'.repeat(125)];
      for (const payload of payloads) {
        client.ping(payload);
      }
      for (const payload of payloads) {
        assert.equal(await client.nextPong(), payload);
      }
    });

    test('a close with a code and a reason is answered with the code', LIMIT, async (t) => {
      for (const [code, reason] of [[1000, ''], [1000, 'done'], [3000, 'a'], [4999, '再见']]) {
        const client = await connect(t, server.socket('/echo'));
        client.close(code, reason);
        const ending = await client.waitForClose();
        assert.equal(ending.code, code);
        // RFC 6455 5.5.1 asks for the code in the answer; the reason need not come back.
        assert.ok(['', reason].includes(ending.reason), ending.reason);
      }
    });

    test('the first sub-protocol that the server knows is chosen', LIMIT, async (t) => {
      const cases = [
        [['chat'], 'chat'],
        [['superchat'], 'superchat'],
        [['chat', 'superchat'], 'chat'],
        [['superchat', 'chat'], 'superchat'],
        [['unknown', 'superchat'], 'superchat'],
        [[], ''],
      ];
      for (const [protocols, chosen] of cases) {
        const client = await connect(t, server.socket('/chat'), { protocols });
        assert.equal(client.protocol, chosen, `asked for ${protocols}`);
      }
    });

    test('binary on /chat is closed with 1003 and a reason', LIMIT, async (t) => {
      const client = await connect(t, server.socket('/chat'));
      client.sendBinary(Buffer.from([1, 2, 3]));
      const { code, reason } = await client.waitForClose();
      assert.equal(code, 1003);
      assert.notEqual(reason, '');
    });
  });
}

test('what ws sent before its close is answered before the close', LIMIT, async (t) => {
  const client = await connectWs(t, server.socket('/echo'));
  client.sendText('one');
  client.sendText('two');
  client.close(1000, '');
  assert.equal((await client.waitForClose()).code, 1000);
  assert.equal(client.waiting, 2);
  assert.deepEqual([await client.next(), await client.next()], ['one', 'two']);
});

// A server may decline the compression that is offered; messages must be the same either way.
for (const compression of [true, false]) {
  const offer = compression ? 'offering' : 'without';

  test(`ws, ${offer} compression, sends fragments with a ping inside`, LIMIT, async (t) => {
    const client = await connectWs(t, server.socket('/echo'), { perMessageDeflate: compression });
    const parts = ['钟楼', 'x'.repeat(3000), '', ' 🔔'];
    client.raw.send(parts[0], { fin: false });
    client.ping('between');
    client.raw.send(parts[1], { fin: false });
    client.raw.send(parts[2], { fin: false });
    client.raw.send(parts[3], { fin: true });
    assert.equal(await client.nextPong(), 'between');
    assert.equal(await client.next(), parts.join(''));

    const bytes = randomBytes(4000);
    client.raw.send(bytes.subarray(0, 1), { fin: false });
    client.raw.send(bytes.subarray(1), { fin: true });
    assert.deepEqual(await client.next(), bytes);
  });

  test(`ws, ${offer} compression, gets what it sends in order`, LIMIT, async (t) => {
    const client = await connectWs(t, server.socket('/echo'), {
      perMessageDeflate: compression && { threshold: 0 },
    });
    const texts = Array.from({ length: 300 }, (_, number) => `${number} `.repeat(number + 1));
    texts.forEach((text) => client.sendText(text));
    for (const text of texts) {
      assert.equal(await client.next(), text);
    }
  });
}

test('websocket sends fragments that cut characters in two', LIMIT, async (t) => {
  const client = await connectWebsocket(t, server.socket('/echo'), {
    fragmentOutgoingMessages: true,
    fragmentationThreshold: FRAGMENT_BYTES,
  });
  const text = '一绳轻牵，满城皆闻。🔔'.repeat(20);
  client.sendText(text);
  assert.equal(await client.next(), text);
  const bytes = randomBytes(1001);
  client.sendBinary(bytes);
  assert.deepEqual(await client.next(), bytes);
});

test(`each of ${CROWD} clients gets every message, in order per sender`, LIMIT, async (t) => {
  const crowd = await Promise.all(
    Array.from({ length: CROWD }, (_, number) =>
      CLIENTS[number % CLIENTS.length][1](t, server.socket('/chat')),
    ),
  );
  // What is for a name that nobody has comes back to the speaker alone: it is there to hear.
  await Promise.all(
    crowd.map(async (client) => {
      client.sendText('@nobody ready');
      assert.equal(await client.next(), '@nobody ready');
    }),
  );
  for (let number = 0; number < MESSAGES_EACH; number += 1) {
    crowd.forEach((client, sender) => client.sendText(`${sender} ${number}`));
  }
  for (const client of crowd) {
    const expected = new Array(CROWD).fill(0);
    for (let count = 0; count < CROWD * MESSAGES_EACH; count += 1) {
      const [sender, number] = (await client.next()).split(' ').map(Number);
      assert.equal(number, expected[sender], `a message of sender ${sender}`);
      expected[sender] += 1;
    }
    assert.ok(expected.every((count) => count === MESSAGES_EACH));
    assert.equal(client.waiting, 0);
  }
});
