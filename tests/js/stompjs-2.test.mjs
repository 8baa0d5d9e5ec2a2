// stompjs 2.3.3, which is also known as stomp-websocket: old, and still in very many pages.

import { after, before, test } from 'node:test';

import Stomp from 'stompjs';
import { WebSocket } from 'ws';

import { LIMIT, within } from './support/patience.mjs';
import { Server } from './support/server.mjs';
import { LONG, assertStory, story } from './support/stomp.mjs';

let server;
before(async () => {
  server = await Server.start();
});
after(() => server?.stop());

const PROTOCOLS = [[], ['v10.stomp'], ['v10.stomp', 'v11.stomp']];

for (const path of ['/gs-guide-websocket', '/gs-guide-websocket/websocket']) {
  for (const protocols of PROTOCOLS) {
    const offer = protocols.join(' ') || 'nothing';
    test(`seed_002_stompjs_2_over_ws_offers ${offer} at ${path}`, LIMIT, async () => {
      const topic = `/topic/old-${offer.replaceAll(' ', '-')}${path.length}`;
      // It speaks 1.1 and 1.0 whatever the sub-protocol is called.
      const connect = () => Stomp.over(new WebSocket(server.socket(path), protocols));
      const seen = await within(story(connect, false, topic, LONG), 'the end of the story');
      assertStory(seen, '1.1', topic);
    });
  }
}

test('seed_002_stompjs_2_over_its_own_websocket', LIMIT, async () => {
  const topic = '/topic/old-own';
  const connect = () => Stomp.overWS(server.socket('/gs-guide-websocket'));
  const seen = await within(story(connect, false, topic, LONG), 'the end of the story');
  assertStory(seen, '1.1', topic);
});
