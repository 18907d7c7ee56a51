import { describe, expect, it } from 'vitest';

import { Metadata, type CallOptions } from '@portcall/rpc';

import { Everything, type Note, type Pair } from '../gen/proto/conformance.js';
import { ConformanceService, SecondService } from '../gen/proto/conformance.portcall.js';
import { expectCode } from '../port/expect-error.js';
import type { TransportUnderTest } from '../transports.js';
import { waitUntil } from '../wait-until.js';
import { ConformanceServer } from './conformance-server.js';
import { expectStatus } from './expect-rpc-error.js';
import { useRpcWorld } from './rpc-world.js';

/** Calls that go well, and what goes with them. */
export function describeCalls(subject: TransportUnderTest): void {
  describe('unary calls', () => {
    const world = useRpcWorld(subject);

    it('carry a request and its response, with every default', async () => {
      const { client } = await world.pair();
      expect(await client.echo({})).toEqual(Everything.fromPartial({}));
      const partial = {
        stringValue: 'ä',
        nested: { child: { depth: -5 } },
        uint64s: [2n ** 64n - 1n],
      };
      expect(await client.echo(partial)).toEqual(Everything.fromPartial(partial));
    });

    it('run at once, each with its own answer', async () => {
      const { client } = await world.pair();
      const answers = await Promise.all(
        Array.from({ length: 1000 }, (_, index) =>
          client.echo({ int32Value: index, stringValue: 'x'.repeat(index) }),
        ),
      );
      expect(answers.every((one, index) => one.int32Value === index)).toBe(true);
      expect(answers.every((one, index) => one.stringValue.length === index)).toBe(true);
    });

    it('are answered out of order when handlers finish so', async () => {
      const { client, handlers } = await world.pair();
      const calls = [0, 1, 2, 3].map((number) => client.hold({ number }));
      await waitUntil('the calls', () => handlers.held.length === 4);
      handlers.held[3]!.release();
      expect(await calls[3]).toEqual({ wasAborted: false });
      for (const call of handlers.held) call.release();
      expect(await Promise.all(calls)).toEqual(calls.map(() => ({ wasAborted: false })));
    });

    it('tell the handler who calls what', async () => {
      const { client } = await world.pair();
      const facts = await client.describe({});
      expect(facts.method).toBe('portcall.testing.v1.Conformance/Describe');
      expect(facts.callerPid).toBe(subject.hasIdentity ? process.pid : 0);
      expect(facts.callerUid).toBe(BigInt(subject.hasIdentity ? (process.geteuid?.() ?? -1) : -1));
      expect(facts.peer).toContain(subject.hasIdentity ? String(process.pid) : 'unknown');
    });

    it('reach several interfaces of one server, each over a connection of its own', async () => {
      const add = async ({ left, right }: Pair): Promise<Note> => ({ number: left + right });
      const handlers = new ConformanceServer();
      await world.serve([ConformanceService.implement(handlers), SecondService.implement({ add })]);
      const first = await world.bind(ConformanceService);
      const second = await world.bind(SecondService);
      expect(await second.add({ left: 5, right: -3 })).toEqual({ number: 2 });
      expect((await first.echo({ int32Value: 5 })).int32Value).toBe(5);
    });

    it('are made with the implementation as this', async () => {
      const { client, handlers } = await world.pair();
      await client.echo({});
      expect(handlers.runs.get('echo')).toBe(1);
    });

    it('of a handler that is not async work too', async () => {
      const { client } = await world.pair({
        overrides: { fetch: (() => ({ data: new Uint8Array([9]) })) as never },
      });
      expect(await client.fetch({})).toEqual({ data: new Uint8Array([9]) });
    });
  });
  describeOneway(subject);
  describeMetadata(subject);
}

function describeOneway(subject: TransportUnderTest): void {
  describe('oneway calls', () => {
    const world = useRpcWorld(subject);

    it('arrive in order, among others', async () => {
      const { client, handlers } = await world.pair();
      const wanted = Array.from({ length: 300 }, (_, index) => 100 + index);
      for (const number of wanted) {
        if (number % 2 === 0) void client.tell({ number });
        else void client.whisper({ number });
      }
      await client.echo({});
      expect(handlers.notes).toEqual(wanted);
    });

    it('resolve whatever the handler does; the server hears of a failure', async () => {
      const { client, handlers } = await world.pair();
      await client.tell({ number: 13 });
      await client.echo({});
      await waitUntil('the failure', () => world.errors.length === 1);
      expect(String(world.errors[0])).toContain('planned failure of tell');
      expect(handlers.notes).toEqual([13]);
    });

    it.each([0, -1])('with timeoutMs %i are never sent', async (timeoutMs) => {
      const { client, handlers } = await world.pair();
      const error = await expectCode(client.tell({ number: 1 }, { timeoutMs }), 'TIMEOUT');
      expect([error.sent, error.executed]).toEqual([false, 'no']);
      await client.echo({});
      expect(handlers.notes).toEqual([]);
    });

    it('with an aborted signal are never sent', async () => {
      const { client, handlers } = await world.pair();
      await expectCode(client.tell({ number: 1 }, { signal: AbortSignal.abort() }), 'CANCELED');
      await client.echo({});
      expect(handlers.notes).toEqual([]);
    });

    it('on a closed connection say that they were not sent', async () => {
      const { client } = await world.pair();
      await client.connection.close();
      const error = await expectCode(client.tell({ number: 1 }), 'DISCONNECTED');
      expect(error.executed).toBe('no');
      expect(error.method).toBe('portcall.testing.v1.Conformance/Tell');
    });
  });
}

function describeMetadata(subject: TransportUnderTest): void {
  describe('metadata', () => {
    const world = useRpcWorld(subject);
    const plain = (metadata: Metadata | undefined): unknown => [...(metadata ?? [])];

    /** Options that collect what comes back. */
    function collecting(metadata: Metadata): {
      options: CallOptions;
      header: () => Metadata | undefined;
      trailer: () => Metadata | undefined;
    } {
      let header: Metadata | undefined;
      let trailer: Metadata | undefined;
      return {
        options: {
          metadata,
          onHeader: (one) => void (header = one),
          onTrailer: (one) => void (trailer = one),
        },
        header: () => header,
        trailer: () => trailer,
      };
    }

    it('goes both ways: text, bytes, several values of a key', async () => {
      const { client } = await world.pair();
      const bytes = new Uint8Array([0, 1, 255]);
      const metadata = new Metadata({ Key: ['a', 'ä\u{1f600}', ''], 'raw-bin': bytes });
      const { options, header, trailer } = collecting(metadata);
      const facts = await client.describe({}, options);
      expect(facts.metadata).toEqual(
        new Map([
          ['key', 'a|ä\u{1f600}|'],
          ['raw-bin', '0001ff'],
        ]),
      );
      expect(plain(header())).toEqual([
        ['header-key', ['a', 'ä\u{1f600}', '']],
        ['header-raw-bin', [bytes]],
      ]);
      expect(plain(trailer())).toEqual([
        ['trailer-key', ['a', 'ä\u{1f600}', '']],
        ['trailer-raw-bin', [bytes]],
      ]);
    });

    it('comes with errors too', async () => {
      const { client } = await world.pair();
      const { options, trailer } = collecting(new Metadata());
      await expectStatus(client.fail({ kind: 'rpc', code: 5, text: 'x' }, options), 5);
      expect(plain(trailer())).toEqual([['failed', ['rpc']]]);
    });

    it('may have 64 values and 8 KiB, not more', async () => {
      const { client, handlers } = await world.pair();
      const many = (count: number): Metadata => {
        return new Metadata({ k: Array.from({ length: count }, () => 'v') });
      };
      // 4 bytes of header, 1 of key.
      const long = (bytes: number): Metadata => new Metadata({ k: 'v'.repeat(bytes - 5) });
      await client.echo({}, { metadata: many(64) });
      await client.echo({}, { metadata: long(8 * 1024) });
      for (const metadata of [many(65), long(8 * 1024 + 1), long(70_000)]) {
        const error = await expectCode(client.echo({}, { metadata }), 'MESSAGE_TOO_LONG');
        expect(error.executed).toBe('no');
      }
      expect(handlers.runs.get('echo')).toBe(2);
    });

    it('that is too long in the answer is an error of the call, which ran', async () => {
      const { client } = await world.pair({
        overrides: {
          describe: async (_, context) => {
            context.trailer.set('k', 'v'.repeat(9000));
            return {};
          },
        },
      });
      const error = await expectCode(client.describe({}), 'MESSAGE_TOO_LONG');
      expect(error.executed).toBe('yes');
      await client.echo({});
    });

    it('with a bad key or value is a TypeError before anything is sent', () => {
      expect(() => new Metadata({ 'a b': 'c' })).toThrow(TypeError);
      expect(() => new Metadata({ 'a-bin': 'text' })).toThrow(TypeError);
      expect(() => new Metadata({ a: new Uint8Array(1) })).toThrow(TypeError);
      expect(() => new Metadata({ '': 'c' })).toThrow(TypeError);
    });

    it('is empty when there is none, and nobody is called', async () => {
      const { client } = await world.pair();
      const { options, header, trailer } = collecting(new Metadata());
      expect((await client.describe({}, options)).metadata.size).toBe(0);
      expect([header(), trailer()].every((one) => one === undefined || one.isEmpty)).toBe(true);
    });
  });
}
