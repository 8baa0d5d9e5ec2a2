// How long tests wait. These are bounds that end a hopeless wait, not claims about speed.

/** Milliseconds that one condition is waited for. */
export const PATIENCE = 20_000;

/** The options of a test: milliseconds after which it fails, whatever it waits for. */
export const LIMIT = { timeout: 90_000 };

const POLL_MILLISECONDS = 25;

/** What a promise gives; fails naming `what` when it does not settle within the patience. */
export async function within(promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    const give = () => reject(new Error(`waited ${PATIENCE} ms in vain for ${what}`));
    timer = setTimeout(give, PATIENCE);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Repeats `attempt`, which may be asynchronous, until it does not throw, and gives its result.
 * When the patience is over, the last error of `attempt` is thrown.
 */
export async function eventually(attempt) {
  const end = Date.now() + PATIENCE;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (Date.now() >= end) {
        throw error;
      }
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MILLISECONDS));
  }
}

/** Items in the order of their arrival; whoever takes one waits for it. */
export class Inbox {
  #items = [];
  #takers = [];

  put(item) {
    const taker = this.#takers.shift();
    if (taker) {
      taker(item);
    } else {
      this.#items.push(item);
    }
  }

  /** The next item; fails naming `what` when none comes. */
  take(what) {
    if (this.#items.length > 0) {
      return Promise.resolve(this.#items.shift());
    }
    return within(new Promise((resolve) => this.#takers.push(resolve)), what);
  }

  /** Items that have come and were not taken. */
  get waiting() {
    return this.#items.length;
  }
}
