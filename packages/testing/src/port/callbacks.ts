import { describe, expect, it } from 'vitest';

import { isPortError, type PortMessage } from '@portcall/port';

import { bytesText, numberOf, numberedBytes, textBytes } from '../bytes.js';
import type { TransportUnderTest } from '../transports.js';
import { waitUntil, within } from '../wait-until.js';
import { expectCode } from './expect-error.js';
import { holding } from './held-messages.js';
import { echo } from './messages.js';
import { usePortWorld } from './port-world.js';

/** Callbacks within callbacks, at most. Source: `port.md` 15. */
const DEPTH_MAX = 32;

/** A server that calls its client back while it serves it. */
export function describeCallbacks(subject: TransportUnderTest): void {
  describeRouting(subject);
  describeNesting(subject);
  describeEndings(subject);
}

/** Calls the sender back with what it sent, and answers with the answer. */
async function callBack(message: PortMessage): Promise<void> {
  await message.reply(await message.callback(message.data));
}

function describeRouting(subject: TransportUnderTest): void {
  describe('port 15, callbacks: who gets them', () => {
    const world = usePortWorld(subject);

    it('is the handler of the request, told by the id of the message that is served', async () => {
      const served: number[] = [];
      const seen: unknown[] = [];
      const { client } = await world.pair({
        server: {
          onMessage: async (message) => {
            served.push(message.messageId);
            await callBack(message);
          },
        },
        client: { onMessage: () => void seen.push('the handler of the port') },
      });
      const reply = await client.request(textBytes('hello'), {
        onCallback: async (callback) => {
          const { kind, isRequest, callbackId, data } = callback;
          seen.push({ kind, isRequest, callbackId, text: bytesText(data) });
          await callback.reply(textBytes('called back'));
        },
      });
      expect(bytesText(reply)).toBe('called back');
      expect(seen).toEqual([
        { kind: 'callback', isRequest: true, callbackId: served[0], text: 'hello' },
      ]);
    });

    it('is the handler of the port when the request has none', async () => {
      const kinds: string[] = [];
      const { client } = await world.pair({
        server: { onMessage: callBack },
        client: {
          onMessage: async (message) => {
            kinds.push(message.kind);
            await echo(message);
          },
        },
      });
      expect(bytesText(await client.request(textBytes('?')))).toBe('?');
      expect(kinds).toEqual(['callback']);
    });

    it('is who receives at a client without a handler', async () => {
      const { client } = await world.pair({ server: { onMessage: callBack } });
      const receiving = client.receive();
      const replied = client.request(textBytes('?'));
      const callback = await within('the callback', receiving);
      expect([callback!.kind, callback!.callbackId > 0]).toEqual(['callback', true]);
      await callback!.reply(textBytes('received'));
      expect(bytesText(await replied)).toBe('received');
    });

    it('is nobody at a client that neither handles nor receives: SERVER_FAULT', async () => {
      const { client } = await world.pair({ server: { onMessage: callBack } });
      await expectCode(client.request(textBytes('?')), 'SERVER_FAULT');
    });

    it('is the right one of many requests at once, however often', async () => {
      const { client } = await world.pair({
        server: {
          onMessage: async (message) => {
            for (let count = 0; count < 3; count++) await message.callback(message.data);
            await message.reply(message.data);
          },
        },
      });
      const seen = Array.from({ length: 50 }, () => [] as number[]);
      await Promise.all(
        seen.map((list, number) =>
          client.request(numberedBytes(number, 100), {
            onCallback: async (callback) => {
              list.push(numberOf(callback.data));
              await echo(callback);
            },
          }),
        ),
      );
      expect(seen).toEqual(seen.map((_, number) => [number, number, number]));
    });

    it('is the server for a request of the server', async () => {
      const { accepted } = await world.pair({ client: { onMessage: callBack } });
      const reply = await accepted.request(textBytes('up'), { onCallback: echo });
      expect(bytesText(reply)).toBe('up');
    });
  });
}

/** Calls back once less often than it was told, then answers with how deep it came. */
async function descend(message: PortMessage): Promise<void> {
  const rest = numberOf(message.data);
  if (rest === 0) await message.reply(message.data);
  else await message.reply(await message.callback(numberedBytes(rest - 1, 8), DOWN));
}

const DOWN = { onCallback: descend };

function describeNesting(subject: TransportUnderTest): void {
  describe('port 15, callbacks: depth', () => {
    const world = usePortWorld(subject);

    it.each([1, 2, 3, DEPTH_MAX])('%s goes down and up again', async (depth) => {
      const { client } = await world.pair({
        server: { onMessage: descend },
        client: { onMessage: descend },
      });
      const reply = await within('the reply', client.request(numberedBytes(depth, 8), DOWN));
      expect(numberOf(reply)).toBe(0);
    });

    it(`${DEPTH_MAX + 1} is QUOTA_EXCEEDED, and the connection lives`, async () => {
      const { client } = await world.pair({
        server: { onMessage: descend },
        client: { onMessage: descend },
      });
      const tooDeep = client.request(numberedBytes(DEPTH_MAX + 1, 8), DOWN);
      const error = await expectCode(tooDeep, 'QUOTA_EXCEEDED');
      expect(error.message).toContain(`${DEPTH_MAX} deep`);
      expect(numberOf(await client.request(numberedBytes(DEPTH_MAX, 8), DOWN))).toBe(0);
    });

    it('is stated with each message that wants its context', async () => {
      const depths: (number | undefined)[] = [];
      const note = async (message: PortMessage): Promise<void> => {
        depths.push(message.attributes.context?.depth);
        await descend(message);
      };
      const { client } = await world.pair({
        server: { onMessage: note, wants: ['context'] },
        client: { onMessage: note, wants: ['context'] },
      });
      await client.request(numberedBytes(4, 8), { onCallback: note });
      expect(depths.slice(0, 2)).toEqual([0, 1]);
    });
  });
}

function describeEndings(subject: TransportUnderTest): void {
  describe('port 15, callbacks: endings', () => {
    const world = usePortWorld(subject);

    /** A request whose callback the client holds. */
    async function heldCallback(options: { signal?: AbortSignal; timeoutMs?: number }): Promise<{
      callback: PortMessage;
      /** How the callback ended at the server. */
      outcome: Promise<string>;
      replied: Promise<unknown>;
    }> {
      const { held, onMessage } = holding();
      let tell: (outcome: string) => void;
      const outcome = new Promise<string>((resolve) => (tell = resolve));
      const { client } = await world.pair({
        server: {
          onMessage: (message) => {
            message.defer();
            message.callback(message.data).then(
              (data) => tell(bytesText(data)),
              (error: unknown) => tell(isPortError(error) ? error.code : String(error)),
            );
          },
        },
      });
      const replied = client.request(textBytes('?'), { ...options, onCallback: onMessage });
      replied.catch(() => undefined);
      await waitUntil('the callback', () => held.length === 1);
      return { callback: held[0]!, outcome, replied };
    }

    it('cancelling the outer request cancels the callback at both ends', async () => {
      const aborter = new AbortController();
      const { callback, outcome, replied } = await heldCallback({ signal: aborter.signal });
      expect(callback.signal.aborted).toBe(false);
      aborter.abort();
      await expectCode(replied, 'CANCELED');
      expect(await within('the callback', outcome)).toBe('CANCELED');
      await waitUntil('the signal', () => callback.signal.aborted);
      expect(await callback.reply(textBytes('late'))).toBe(false);
    });

    it('the deadline of the outer request bounds the callback', async () => {
      const { callback, outcome, replied } = await heldCallback({ timeoutMs: 60 });
      await expectCode(replied, 'TIMEOUT');
      expect(await within('the callback', outcome)).toBe('CANCELED');
      await waitUntil('the signal', () => callback.signal.aborted);
    });

    it('a deadline of its own ends the callback, not the request', async () => {
      const { held, onMessage } = holding();
      const { client } = await world.pair({
        server: {
          onMessage: async (message) => {
            const failed = message.callback(message.data, { timeoutMs: 20 });
            await message.reply(textBytes((await expectCode(failed, 'TIMEOUT')).code));
          },
        },
      });
      const reply = await client.request(textBytes('?'), { onCallback: onMessage });
      expect(bytesText(reply)).toBe('TIMEOUT');
      await waitUntil('the signal', () => held[0]!.signal.aborted);
    });

    it('a callback after the reply is REPLY_MISMATCH', async () => {
      const codes: string[] = [];
      const { client } = await world.pair({
        server: {
          onMessage: async (message) => {
            await message.reply(message.data);
            codes.push((await expectCode(message.callback(message.data), 'REPLY_MISMATCH')).code);
          },
        },
      });
      await client.request(textBytes('?'), { onCallback: echo });
      await waitUntil('the attempt', () => codes.length === 1);
    });

    it('a callback to a datagram is REPLY_MISMATCH', async () => {
      const codes: string[] = [];
      const { client } = await world.pair({
        server: {
          onMessage: async (message) => {
            codes.push((await expectCode(message.callback(message.data), 'REPLY_MISMATCH')).code);
          },
        },
      });
      await client.send(textBytes('.'));
      await waitUntil('the attempt', () => codes.length === 1);
    });

    it('a callback of a request that was cancelled already is CANCELED, unseen', async () => {
      const server = holding();
      const callbacks = holding();
      const { client } = await world.pair({ server: { onMessage: server.onMessage } });
      const failed = client.request(textBytes('?'), {
        timeoutMs: 10,
        onCallback: callbacks.onMessage,
      });
      await expectCode(failed, 'TIMEOUT');
      await waitUntil('the request', () => server.held.length === 1);
      await expectCode(server.held[0]!.callback(textBytes('!')), 'CANCELED');
      expect(callbacks.held.length).toBe(0);
    });

    it('a reply while a callback is open: the callback still ends', async () => {
      const callbacks = holding();
      let outcome: Promise<unknown> | undefined;
      const { client } = await world.pair({
        server: {
          onMessage: async (message) => {
            outcome = message.callback(message.data).catch((error: unknown) => error);
            await message.reply(textBytes('early'));
          },
        },
      });
      const reply = await client.request(textBytes('?'), { onCallback: callbacks.onMessage });
      expect(bytesText(reply)).toBe('early');
      for (const callback of callbacks.held) await callback.reply(textBytes('late'));
      const end = await within('the callback', outcome!);
      const text = isPortError(end) ? end.code : bytesText(end as Uint8Array);
      expect(['late', 'CANCELED']).toContain(text);
    });

    it('the end of the connection ends callbacks at both ends', async () => {
      const { callback, outcome, replied } = await heldCallback({});
      callback.port.abort();
      await expectCode(replied, 'REPLY_LOST');
      expect(['REPLY_LOST', 'CANCELED']).toContain(await within('the callback', outcome));
      expect(callback.signal.aborted).toBe(true);
    });

    it('a handler of a callback that fails is SERVER_FAULT at the server', async () => {
      const { client } = await world.pair({
        server: {
          onMessage: async (message) => {
            const error = await expectCode(message.callback(message.data), 'SERVER_FAULT');
            await message.reply(textBytes(error.code));
          },
        },
      });
      const reply = await client.request(textBytes('?'), {
        onCallback: () => Promise.reject(new Error('planned failure of a callback')),
      });
      expect(bytesText(reply)).toBe('SERVER_FAULT');
    });
  });
}
