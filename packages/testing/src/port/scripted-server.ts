import type { PortMessage } from '@portcall/port';

import { bytesText, textBytes } from '../bytes.js';

/** What a scripted server can be told to do: the first word of a request's text. */
export const SCRIPT = {
  /** Answers with the data itself. */
  echo: 'echo',
  /** Sends the rest of the text as a datagram, then answers. */
  tell: 'tell',
  /** Calls back with the rest of the text, and answers with the answer. */
  callback: 'callback',
  /** Answers SERVER_BUSY. */
  fail: 'fail',
  /** Never answers. */
  hold: 'hold',
  /** Ends the connection. */
  abort: 'abort',
  /** Kills its process. */
  die: 'die',
} as const;

/**
 * A handler that does what the message says. All but 'callback' is done before it returns, so that
 * a client that blocks this very thread is served as well.
 */
export function playScript(message: PortMessage): void {
  if (!message.isRequest) return;
  const text = bytesText(message.data.subarray(0, 100));
  const [verb] = text.split(' ', 1);
  const rest = textBytes(text.slice((verb?.length ?? 0) + 1));
  switch (verb) {
    case SCRIPT.tell:
      void message.port.send(rest);
      void message.reply(rest);
      return;
    case SCRIPT.callback:
      message.defer();
      message.callback(rest).then(
        (reply) => message.reply(reply),
        () => message.fail('SERVER_FAULT', 'The callback failed'),
      );
      return;
    case SCRIPT.fail:
      void message.fail('SERVER_BUSY', 'Cannot serve: planned');
      return;
    case SCRIPT.hold:
      message.defer();
      return;
    case SCRIPT.abort:
      message.port.abort();
      return;
    case SCRIPT.die:
      process.kill(process.pid, 'SIGKILL');
      return;
    default:
      void message.reply(message.data);
  }
}
