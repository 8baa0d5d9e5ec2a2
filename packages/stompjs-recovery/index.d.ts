import type { Client, IMessage, StompHeaders } from '@stomp/stompjs';

/** How a subscription went on, after a new connection or from a cursor that was handed in. */
export interface Resumed {
  /**
   * Nothing is missing: everything since the cursor is replayed, and then it goes on live. False if
   * the server has let go of some of it, was started anew, or keeps no history: then nothing is
   * replayed, and messages may be missing.
   */
  recovered: boolean;
  /**
   * Where the subscription joined: messages up to here are replayed, those after it live. Undefined
   * if the server keeps no history.
   */
  cursor: string | undefined;
}

/** Messages are missing that nobody can bring back; load anew what depends on them. */
export interface Gap {
  /**
   * How many messages the server dropped here because this client was too slow for them. Undefined
   * if it is not known how many are missing, because the subscription was not recovered.
   */
  dropped?: number;
  /** Everything that comes from now on is after this. Undefined as in `Resumed`. */
  cursor: string | undefined;
}

export interface SubscribeOptions {
  /** Headers for SUBSCRIBE, such as `selector` or `id`; `receipt` and `after` are set here. */
  headers?: StompHeaders;
  /** A cursor that was kept, in `sessionStorage` for example: begins there, not now. */
  after?: string;
  /** Called after each new connection, before anything is replayed. */
  onRecovered?: (resumed: Resumed) => void;
  /** Called where messages are missing, in the place in which they would have come. */
  onGap?: (gap: Gap) => void;
}

export interface RecoveringSubscription {
  /**
   * Up to where this subscription has received; in the callback that includes its message.
   * Undefined until the server has confirmed the subscription, and for queues.
   */
  readonly cursor: string | undefined;
  /** Ends the subscription, also while there is no connection. */
  unsubscribe(headers?: StompHeaders): void;
}

export interface Recovering {
  /**
   * Subscribes now, if the client is connected, and by itself after every new connection. Call it
   * once, not in `onConnect`. Each message is handed over once and in order.
   */
  subscribe(
    destination: string,
    callback: (message: IMessage) => void,
    options?: SubscribeOptions,
  ): RecoveringSubscription;
}

/**
 * Adds recovery to a client, best before `activate()`. The client's own methods and callbacks work
 * as before; its `onConnect` is called once the subscriptions have been sent.
 */
export function recovering(client: Client): Recovering;
