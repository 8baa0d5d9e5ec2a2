// The program under test, as a child process.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';

import { eventually, within } from './patience.mjs';

const LOG_LINES_MAX = 5000;

/**
 * The program's file: `CAMPANILE_BINARY` or `CAMPANILE_BIN` (which `cargo xtask test` sets), else
 * the release build, else the debug build of this checkout.
 */
function program() {
  const named = process.env.CAMPANILE_BINARY || process.env.CAMPANILE_BIN;
  const candidates = named
    ? [resolve(named)]
    : ['release', 'debug'].map((profile) =>
        fileURLToPath(new URL(`../../../target/${profile}/campanile`, import.meta.url)),
      );
  const found = candidates.find(existsSync);
  if (!found) {
    throw new Error(
      `no program at ${candidates.join(' or ')}: run cargo build, or name it in CAMPANILE_BINARY`,
    );
  }
  return found;
}

/** A running program on 127.0.0.1 and a port that the system chose. */
export class Server {
  #child;
  #exited;
  #lines = [];

  /** Starts the program, with more arguments if need be, and waits until it listens. */
  static async start({ more = [], log = 'info' } = {}) {
    const server = new Server();
    await server.#begin(more, log);
    return server;
  }

  async #begin(more, log) {
    const listen = ['--listen', '127.0.0.1:0', '--stomp-listen', '127.0.0.1:0'];
    this.#child = spawn(program(), [...listen, ...more], {
      env: { ...process.env, CAMPANILE_LOG: log },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#exited = once(this.#child, 'exit').then(([code, signal]) => ({ code, signal }));
    // A test run that breaks off must not leave the program behind.
    const end = () => this.#child.kill('SIGKILL');
    process.once('exit', end);
    this.#exited.then(() => process.removeListener('exit', end));
    // Read to the end, so that the program never blocks on a full pipe.
    const listening = new Promise((found) => {
      createInterface({ input: this.#child.stderr }).on('line', (coloured) => {
        const line = stripVTControlCharacters(coloured);
        this.#lines.push(line);
        if (this.#lines.length > LOG_LINES_MAX) {
          this.#lines.shift();
        }
        const stomp = /listening on stomps?:\/\/(127\.0\.0\.1:\d+)/.exec(line);
        if (stomp) {
          // It is announced before the address that is waited for.
          this.stompHost = stomp[1];
        }
        const announced = /listening on https?:\/\/(127\.0\.0\.1:\d+)/.exec(line);
        if (announced) {
          found(announced[1]);
        }
      });
    });
    const ended = this.#exited.then(({ code, signal }) => {
      throw new Error(`the program ended, status ${code ?? signal}`);
    });
    try {
      this.host = await within(Promise.race([listening, ended]), 'the program to listen');
    } catch (error) {
      end();
      throw new Error(`${error.message}; it wrote:\n${this.#lines.join('\n')}`);
    }
    // Later ends are what `stop` asks for.
    ended.catch(() => {});
  }

  /** The HTTP address of `path`. */
  http(path) {
    return `http://${this.host}${path}`;
  }

  /** The WebSocket address of `path`. */
  socket(path) {
    return `ws://${this.host}${path}`;
  }

  /** Publishes to a user and gives the answer of the server. */
  async publish(userId, message) {
    const query = new URLSearchParams({ userId, message });
    const response = await fetch(this.http(`/socket/publish?${query}`));
    if (!response.ok) {
      throw new Error(`publishing was refused: ${response.status} ${await response.text()}`);
    }
    return response.json();
  }

  /** Waits until the program's log has a line that contains all of `words`. */
  async logged(...words) {
    await eventually(() => {
      if (!this.#lines.some((line) => words.every((word) => line.includes(word)))) {
        throw new Error(`no log line has ${words.join(' and ')}:\n${this.#lines.join('\n')}`);
      }
    });
  }

  /** Asks the program to stop, without waiting. */
  terminate() {
    this.#child.kill('SIGTERM');
  }

  /** Waits for the program's end: its status and the signal that ended it, one of them null. */
  async ended() {
    return within(this.#exited, `the program to end; it wrote:\n${this.#lines.join('\n')}`);
  }

  /** Ends the program, however the test went. */
  async stop() {
    this.terminate();
    try {
      return await this.ended();
    } finally {
      this.#child.kill('SIGKILL');
    }
  }
}
