import { getEventListeners } from 'node:events';

import { describe, expect, it } from 'vitest';

import { bytesText, numberOf, numberedBytes, textBytes } from '../bytes.js';
import type { TransportUnderTest } from '../transports.js';
import { rejectionOf, waitUntil, within } from '../wait-until.js';
import { expectCode } from './expect-error.js';
import { echo } from './messages.js';
import { usePortWorld } from './port-world.js';

/** Ports without a handler: their messages wait to be taken. */
export function describeReceiving(subject: TransportUnderTest): void {
  describeClientReceives(subject);
  describeServerReceives(subject);
  describeLoops(subject);
}

function describeClientReceives(subject: TransportUnderTest): void {
  describe('port 11, operations: receive() at a client', () => {
    const world = usePortWorld(subject);

    it('takes messages that came before, in order', async () => {
      const { client, accepted } = await world.pair();
      for (let number = 0; number < 5; number++) await accepted.send(numberedBytes(number, 9));
      await accepted.flush();
      const got: number[] = [];
      for (let count = 0; count < 5; count++) got.push(numberOf((await client.receive())!.data));
      expect(got).toEqual([0, 1, 2, 3, 4]);
      expect(await client.receive({ timeoutMs: 0 })).toBe(undefined);
    });

    it('waits for the next message; those who wait longest come first', async () => {
      const { client, accepted } = await world.pair();
      const waiting = [client.receive(), client.receive(), client.receive()];
      for (let number = 0; number < 3; number++) await accepted.send(numberedBytes(number, 9));
      const got = await within('all three', Promise.all(waiting));
      expect(got.map((message) => numberOf(message!.data))).toEqual([0, 1, 2]);
    });

    it('takes requests, which are answered later', async () => {
      const { client, accepted } = await world.pair();
      const waiting = client.receive();
      const replied = accepted.request(textBytes('?'));
      const message = await within('the request', waiting);
      expect([message!.kind, message!.isRequest, message!.port]).toEqual(['request', true, client]);
      expect(await message!.reply(textBytes('!'))).toBe(true);
      expect(bytesText(await replied)).toBe('!');
    });

    it('makes requests wait for it from its first call on', async () => {
      const { client, accepted } = await world.pair();
      await expectCode(accepted.request(textBytes('before')), 'SERVER_FAULT');
      expect(await client.receive({ timeoutMs: 0 })).toBe(undefined);
      const replied = accepted.request(textBytes('after'));
      const message = await client.receive();
      await message!.reply(message!.data);
      expect(bytesText(await replied)).toBe('after');
    });

    it('is over after timeoutMs, not early, and takes nothing then', async () => {
      const { client, accepted } = await world.pair();
      for (const timeoutMs of [1, 20, 40]) {
        const startedAt = performance.now();
        expect(await client.receive({ timeoutMs })).toBe(undefined);
        expect(performance.now() - startedAt).toBeGreaterThanOrEqual(timeoutMs - 1);
      }
      await accepted.send(textBytes('kept'));
      expect(bytesText((await client.receive({ timeoutMs: 5000 }))?.data)).toBe('kept');
    });

    it('is CANCELED by its signal, which has no listener of ours afterwards', async () => {
      const { client, accepted } = await world.pair();
      await expectCode(client.receive({ signal: AbortSignal.abort() }), 'CANCELED');
      const aborter = new AbortController();
      const failed = expectCode(client.receive({ signal: aborter.signal }), 'CANCELED');
      const next = client.receive({ signal: new AbortController().signal });
      aborter.abort();
      await failed;
      await accepted.send(textBytes('for the next'));
      expect(bytesText((await within('the next', next))?.data)).toBe('for the next');
      expect(getEventListeners(aborter.signal, 'abort').length).toBe(0);
    });

    it('is a TypeError where a handler gets the messages', async () => {
      const { server, client, accepted } = await world.pair({
        server: { onMessage: echo },
        client: { onMessage: echo },
      });
      for (const port of [server, client, accepted]) {
        expect(await rejectionOf('receive', port.receive())).toBeInstanceOf(TypeError);
      }
    });

    it('replyAndReceive() answers, then takes the next', async () => {
      const { client, accepted } = await world.pair();
      const waiting = client.receive();
      const replies = [0, 1, 2].map((number) => accepted.request(numberedBytes(number, 8)));
      let message = await waiting;
      for (let number = 0; number < 2; number++) {
        expect(numberOf(message!.data)).toBe(number);
        message = await within('it', client.replyAndReceive(message!, message!.data));
      }
      const none = await client.replyAndReceive(message!, message!.data, { timeoutMs: 0 });
      expect(none).toBe(undefined);
      expect((await Promise.all(replies)).map(numberOf)).toEqual([0, 1, 2]);
    });
  });
}

function describeServerReceives(subject: TransportUnderTest): void {
  describe('port 11, operations: receive() at a connection port', () => {
    const world = usePortWorld(subject);

    it('takes the messages of all clients, each of which names its connection', async () => {
      const { server, client } = await world.pair();
      const other = await world.connect();
      const replies = [client.request(textBytes('one')), other.request(textBytes('two'))];
      const ports = new Set<unknown>();
      for (let count = 0; count < 2; count++) {
        const message = await server.receive();
        ports.add(message!.port);
        await message!.reply(message!.data);
      }
      expect((await Promise.all(replies)).map(bytesText)).toEqual(['one', 'two']);
      expect(ports).toEqual(server.connections);
    });

    it('keeps requests waiting that come before it', async () => {
      const { server, client, accepted } = await world.pair();
      const replied = client.request(textBytes('early'));
      await waitUntil('the request', () => accepted.statistics.untaken === 1);
      const message = await server.receive();
      await message!.reply(message!.data);
      expect(bytesText(await replied)).toBe('early');
    });

    it('is a TypeError at the connection itself', async () => {
      const { accepted } = await world.pair();
      const error = await rejectionOf('receive', accepted.receive());
      expect(error).toBeInstanceOf(TypeError);
      expect(String(error)).toContain('the port that accepted it');
    });

    it('replyAndReceive() serves clients in a loop', async () => {
      const { server, client } = await world.pair();
      const other = await world.connect();
      const numbers = Array.from({ length: 20 }, (_, index) => index);
      const ask = (port: typeof client): Promise<Uint8Array[]> =>
        Promise.all(numbers.map((number) => port.request(numberedBytes(number, 8))));
      const replies = Promise.all([ask(client), ask(other)]);
      let message = await server.receive();
      for (let count = 0; count < 39; count++) {
        message = await within('it', server.replyAndReceive(message!, message!.data));
      }
      await message!.reply(message!.data);
      for (const list of await replies) expect(list.map(numberOf)).toEqual(numbers);
    });

    it('is over after timeoutMs, or CANCELED by its signal', async () => {
      const server = await world.createPort();
      expect(await server.receive({ timeoutMs: 0 })).toBe(undefined);
      expect(await server.receive({ timeoutMs: 5 })).toBe(undefined);
      const aborter = new AbortController();
      const failed = expectCode(server.receive({ signal: aborter.signal }), 'CANCELED');
      aborter.abort();
      await failed;
    });

    it('is DISCONNECTED once the port is closed, for those who wait as well', async () => {
      const server = await world.createPort();
      const waiting = expectCode(server.receive(), 'DISCONNECTED');
      await server.close();
      await waiting;
      await expectCode(server.receive(), 'DISCONNECTED');
    });
  });
}

function describeLoops(subject: TransportUnderTest): void {
  describe('port 11, operations: for await', () => {
    const world = usePortWorld(subject);

    it('over a client ends with the connection', async () => {
      const { client, accepted } = await world.pair();
      const seen: string[] = [];
      const loop = (async () => {
        for await (const message of client) {
          seen.push(`${message.kind} ${bytesText(message.data)}`);
          if (message.isRequest) await message.reply(message.data);
        }
      })();
      await accepted.send(textBytes('one'));
      expect(bytesText(await accepted.request(textBytes('two')))).toBe('two');
      await accepted.close();
      await within('the loop', loop);
      expect(seen).toEqual(['datagram one', 'request two']);
    });

    it('over a connection port goes on with the next client, and ends with the port', async () => {
      const server = await world.createPort();
      const seen: string[] = [];
      const loop = (async () => {
        for await (const message of server) {
          seen.push(`${message.kind} ${bytesText(message.data)}`.trim());
          if (message.isRequest) await message.reply(message.data);
        }
      })();
      for (const text of ['one', 'two']) {
        const client = await world.connect();
        expect(bytesText(await client.request(textBytes(text)))).toBe(text);
        await client.close();
        await waitUntil('the notice', () => seen.at(-1) === 'port-closed');
      }
      await within('the server to close', server.close());
      await within('the loop', loop);
      expect(seen).toEqual(['request one', 'port-closed', 'request two', 'port-closed']);
    });

    it('can be left, and taken up again', async () => {
      const { client, accepted } = await world.pair();
      for (let number = 0; number < 4; number++) await accepted.send(numberedBytes(number, 8));
      const seen: number[] = [];
      for (let round = 0; round < 2; round++) {
        for await (const message of client) {
          seen.push(numberOf(message.data));
          if (seen.length % 2 === 0) break;
        }
      }
      expect(seen).toEqual([0, 1, 2, 3]);
    });
  });
}
