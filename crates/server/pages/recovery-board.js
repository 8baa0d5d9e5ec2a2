// What became of each number: a small cell for the newest ones, and what they add up to.

/** How many numbers have a cell; older ones give theirs up. */
export const CELLS = 720;

// Cells in front of the newest number are empty, so that the eye finds where it is.
const EMPTY_AHEAD = 18;

// Missing numbers that are remembered in case they come late; the oldest are forgotten first.
const MISSING_MAX = 20_000;

// Runs of numbers of which nobody knows whether they were published; the oldest go first.
const UNSURE_MAX = 100;

export class Board {
  constructor(element) {
    this.cells = Array.from({ length: CELLS }, () => document.createElement('span'));
    element.replaceChildren(...this.cells);
    this.published = 0;
    this.highest = 0;
    this.gapIsTold = false;
    this.missing = new Map();
    this.unsure = [];
    this.counts = {
      arrived: 0,
      replayed: 0,
      twice: 0,
      disordered: 0,
      lost: 0,
      told: 0,
      unsent: 0,
    };
  }

  paint(number, kind) {
    if (number > this.published - CELLS + EMPTY_AHEAD) {
      this.cells[(number - 1) % CELLS].className = kind;
    }
  }

  /** Number `number` is on its way. */
  publishes(number) {
    this.published = number;
    this.paint(number, 'sent');
    this.cells[(number - 1 + EMPTY_AHEAD) % CELLS].className = '';
  }

  /** The publisher has lost its connection: perhaps these numbers were never published. */
  isUnsureOf(first, last) {
    this.unsure.push([first, last]);
    if (this.unsure.length > UNSURE_MAX) {
      this.unsure.shift();
    }
  }

  /** The server, or the package, said that something is missing before the next number. */
  tellsGap() {
    this.gapIsTold = true;
  }

  /** A number has come, live or `replayed`. */
  arrives(number, replayed) {
    if (this.missing.has(number)) {
      this.counts[this.missing.get(number)] -= 1;
      this.missing.delete(number);
      this.counts.disordered += 1;
    } else if (number <= this.highest) {
      this.counts.twice += 1;
      return;
    }
    for (let missed = this.highest + 1; missed < number; missed += 1) {
      this.misses(missed);
    }
    this.gapIsTold = false;
    this.highest = Math.max(this.highest, number);
    this.counts.arrived += 1;
    this.counts.replayed += replayed ? 1 : 0;
    this.paint(number, replayed ? 'replayed' : 'live');
  }

  misses(number) {
    const unsent = this.unsure.some(([first, last]) => first <= number && number <= last);
    const kind = unsent ? 'unsent' : this.gapIsTold ? 'told' : 'lost';
    this.counts[kind] += 1;
    this.missing.set(number, kind);
    if (this.missing.size > MISSING_MAX) {
      this.missing.delete(this.missing.keys().next().value);
    }
    this.paint(number, kind);
  }
}
