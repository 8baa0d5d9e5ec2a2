// How the page about the protocol asks the server.

import { say } from '/assets/app.js';

/** Asks the demo's route; what goes wrong is said in `problem`, and the result is null. */
export async function ask(problem, path, parameters, options = {}) {
  say(problem, '', '');
  try {
    const url = `/demo/protocol/${path}?${new URLSearchParams(parameters)}`;
    const response = await fetch(url, options);
    const told = await response.json();
    if (response.ok) {
      return told;
    }
    say(problem, `The server refuses: ${told.detail}`, `服务端拒绝：${told.detail}`);
  } catch (error) {
    say(problem, 'The server cannot be reached; is it running?', '连不上服务端，它在运行吗？');
  }
  return null;
}
