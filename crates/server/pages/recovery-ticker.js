// Publishes rising numbers, so and so many a second, over a connection of its own.

const TICK_MILLISECONDS = 50;
const RECONNECT_MILLISECONDS = 500;

// A page in the background is seldom woken: it does not make up for more than this.
const NUMBERS_PER_TICK_MAX = 200;

export class Ticker {
  /**
   * `url()` is where to connect to, `board` hears what is published, and `isReady()` tells whether
   * somebody listens yet.
   */
  constructor({ url, topic, board, isReady }) {
    this.topic = topic;
    this.board = board;
    this.isReady = isReady;
    this.rate = 0;
    this.last = 0;
    this.confirmed = 0;
    this.due = 0;
    this.at = performance.now();
    this.client = new window.StompJs.Client({
      reconnectDelay: RECONNECT_MILLISECONDS,
      discardWebsocketOnCommFailure: true,
      webSocketFactory: () =>
        new WebSocket(url(), this.client.stompVersions.protocolVersions()),
      onWebSocketClose: () => this.lostConnection(),
    });
    this.client.activate();
    window.setInterval(() => this.tick(), TICK_MILLISECONDS);
  }

  tick() {
    const now = performance.now();
    this.due += ((now - this.at) * this.rate) / 1000;
    this.at = now;
    if (!this.client.connected || !this.isReady()) {
      this.due = 0;
      return;
    }
    const count = Math.min(Math.floor(this.due), NUMBERS_PER_TICK_MAX);
    this.due = count === NUMBERS_PER_TICK_MAX ? 0 : this.due - count;
    if (count === 0) {
      return;
    }
    const last = this.last + count;
    this.client.watchForReceipt(`number-${last}`, () => {
      this.confirmed = last;
    });
    while (this.last < last) {
      this.last += 1;
      this.board.publishes(this.last);
      const headers = this.last === last ? { receipt: `number-${last}` } : {};
      this.client.publish({ destination: this.topic, body: `${this.last}`, headers });
    }
  }

  lostConnection() {
    if (this.confirmed < this.last) {
      this.board.isUnsureOf(this.confirmed + 1, this.last);
      this.confirmed = this.last;
    }
  }
}
