// Subscriptions of @stomp/stompjs that go on where they ended when the connection was lost.
//
// Each one keeps a cursor: the id of its last message, else what the RECEIPT of its SUBSCRIBE says.
// After every new connection it subscribes with `after:CURSOR`, and the server, which keeps
// histories, first replays what was missed. What cannot be replayed is told, never passed over.

const wrapped = new WeakMap();

/** Whether the message `id` comes after `cursor`; both are `EPOCH-POSITION`. */
function isAfter(id, cursor) {
  const [epoch, position] = id.split('-');
  const [last, reached] = cursor.split('-');
  // Another epoch is another life of the server's log. An id of another form is no reason to drop.
  return epoch !== last || !(Number(position) <= Number(reached));
}

export function recovering(client) {
  if (wrapped.has(client)) {
    return wrapped.get(client);
  }
  const entries = new Set();
  let onConnect = client.onConnect;
  let connected;
  let keepsHistory = true;
  let receipts = 0;

  function tell(entry, recovered, cursor) {
    entry.onRecovered?.({ recovered, cursor });
    if (!recovered) {
      entry.onGap?.({ cursor });
    }
  }

  function receive(entry, message) {
    const { 'message-id': id, gap } = message.headers;
    if (entry.cursor) {
      if (isAfter(id, entry.cursor)) {
        entry.cursor = id;
      } else if (entry.recovered) {
        return; // it was here before
      } // else it is a retained value, which may be older than the subscription
      if (gap) {
        entry.onGap?.({ dropped: Number(gap), cursor: id });
        return;
      }
    }
    entry.callback(message);
  }

  function begin(entry) {
    const resumes = entry.begun || entry.cursor;
    const headers = { ...entry.headers };
    entry.begun = true;
    entry.recovered = false;
    if (keepsHistory) {
      headers.receipt = `recovering-${(receipts += 1)}`;
      if (entry.cursor) {
        headers.after = entry.cursor;
      }
      client.watchForReceipt(headers.receipt, ({ headers: { cursor, recovered } }) => {
        // The RECEIPT of a queue has no cursor: there is nothing to recover.
        if (cursor && entries.has(entry)) {
          entry.recovered = recovered === 'true';
          if (!entry.recovered) {
            entry.cursor = cursor;
          } // else the replay comes, and it is not after this cursor
          if (resumes) {
            tell(entry, entry.recovered, cursor);
          }
        }
      });
    } else if (resumes) {
      queueMicrotask(() => entries.has(entry) && tell(entry, false));
    }
    const handed = (message) => receive(entry, message);
    entry.handle = client.subscribe(entry.destination, handed, headers);
  }

  function resume(frame) {
    // Whoever reads `onConnect` and puts a function around it must not cause this twice.
    if (frame !== connected) {
      connected = frame;
      keepsHistory = 'history' in frame.headers;
      [...entries].forEach(begin);
    }
  }

  // Applications set `onConnect` whenever they like: theirs is called after the subscriptions.
  Object.defineProperty(client, 'onConnect', {
    configurable: true,
    enumerable: true,
    get() {
      const next = onConnect;
      return (frame) => {
        resume(frame);
        next.call(client, frame);
      };
    },
    set(callback) {
      onConnect = callback;
    },
  });

  const recovery = {
    subscribe(destination, callback, { headers, after, onRecovered, onGap } = {}) {
      const entry = { destination, callback, headers, cursor: after, onRecovered, onGap };
      entries.add(entry);
      if (client.connected) {
        begin(entry);
      }
      return {
        get cursor() {
          return entry.cursor;
        },
        unsubscribe(unsubscribeHeaders) {
          if (entries.delete(entry) && client.connected) {
            entry.handle?.unsubscribe(unsubscribeHeaders);
          }
        },
      };
    },
  };
  wrapped.set(client, recovery);
  return recovery;
}
