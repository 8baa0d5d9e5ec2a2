// webstomp-client, which speaks whichever version the sub-protocol names, in text or in binary.

import { after, before, test } from 'node:test';

import webstomp from 'webstomp-client';
import { WebSocket } from 'ws';

import { LIMIT, within } from './support/patience.mjs';
import { Server } from './support/server.mjs';
import { LONG, assertStory, story } from './support/stomp.mjs';

let server;
before(async () => {
  server = await Server.start();
});
after(() => server?.stop());

for (const version of ['1.0', '1.1', '1.2']) {
  for (const binary of [false, true]) {
    const name = `${version} in ${binary ? 'binary' : 'text'}`;
    test(`seed_002_webstomp_speaks ${name}`, LIMIT, async () => {
      const topic = `/topic/webstomp-${version}-${binary}`;
      const protocols = [`v${version.replace('.', '')}.stomp`];
      const connect = () => {
        const socket = new WebSocket(server.socket('/gs-guide-websocket'), protocols);
        return webstomp.over(socket, { binary, protocols });
      };
      const hasHeartBeats = version !== '1.0';
      const told = story(connect, true, topic, LONG, hasHeartBeats);
      assertStory(await within(told, 'the end of the story'), version, topic);
    });
  }
}
