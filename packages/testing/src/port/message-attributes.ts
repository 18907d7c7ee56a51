import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, readSync, rmSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import {
  connectChannel,
  type AttributeName,
  type MessageAttributes,
  type RequestOptions,
} from '@portcall/port';

import { bytesText, patternBytes, sameBytes, textBytes } from '../bytes.js';
import type { TransportUnderTest } from '../transports.js';
import { rejectionOf, waitUntil } from '../wait-until.js';
import { expectCode } from './expect-error.js';
import { holding } from './held-messages.js';
import { echo } from './messages.js';
import { usePortWorld } from './port-world.js';

const ALL: readonly AttributeName[] = [
  'security',
  'view',
  'context',
  'handle',
  'token',
  'direct',
  'workOnBehalf',
  'onBehalfOf',
  'deadline',
];

const WORK = { trace: '00-äöü-01', priority: 3, baggage: patternBytes(1000, 9) };

/** What comes with a message beside its data. */
export function describeMessageAttributes(subject: TransportUnderTest): void {
  describeWanted(subject);
  describeWork(subject);
  describeCompletion(subject);
}

function describeWanted(subject: TransportUnderTest): void {
  describe('port 16, attributes: wanted ones', () => {
    const world = usePortWorld(subject);

    /** The attributes of one request. */
    async function attributesOf(
      wants: readonly AttributeName[],
      options: RequestOptions,
    ): Promise<MessageAttributes> {
      const { held, onMessage } = holding();
      const { client } = await world.pair({
        server: {
          wants,
          onMessage,
          onConnect: (request) => request.accept({ context: 'context of the port' }),
        },
      });
      const replied = client.request(textBytes('?'), options);
      await waitUntil('the request', () => held.length === 1);
      const { attributes } = held[0]!;
      await held[0]!.reply(textBytes('.'));
      await replied;
      return attributes;
    }

    const everything: RequestOptions = {
      work: WORK,
      timeoutMs: 5000,
      ranges: [{ bytes: new Uint8Array(5) }],
      onBehalfOf: [{ pid: 1, uid: 2, gid: 3, startTime: 4 }],
    };

    it('are none by default, whatever the sender gives', async () => {
      const attributes = await attributesOf([], everything);
      expect(attributes).toEqual({ valid: new Set() });
    });

    it('are absent, and not valid, when the sender gave none', async () => {
      const { valid, ...rest } = await attributesOf(ALL, {});
      const always = subject.hasIdentity ? ['context', 'security', 'token'] : ['context'];
      expect([...valid].toSorted()).toEqual(always);
      expect(Object.keys(rest).toSorted()).toEqual(always);
    });

    it.each(['workOnBehalf', 'deadline', 'direct', 'context'] as const)(
      'come alone when only %s is wanted',
      async (name) => {
        const { valid, ...rest } = await attributesOf([name], everything);
        expect([...valid]).toEqual([name]);
        expect(Object.keys(rest)).toEqual([name]);
      },
    );

    it('come all together, beside data of any length', async () => {
      const { held, onMessage } = holding();
      const { client } = await world.pair({ server: { wants: ALL, onMessage } });
      const lengths = [0, 3, 32 * 1024, 65_536];
      for (const length of lengths) {
        void client.request(patternBytes(length), everything).catch(() => undefined);
      }
      await waitUntil('the requests', () => held.length === lengths.length);
      for (const [index, { data, attributes }] of held.entries()) {
        const { valid, workOnBehalf, direct, deadline } = attributes;
        expect(sameBytes(data, patternBytes(lengths[index]!))).toBe(true);
        expect(workOnBehalf).toEqual(WORK);
        expect([direct?.length, deadline! > 0]).toEqual([1, true]);
        // Nobody lets anybody act for him here.
        expect(valid.has('onBehalfOf')).toBe(false);
      }
    });

    it('cost nothing on the way when nobody wants them', async () => {
      const lengthFor = async (wants: readonly AttributeName[]): Promise<number> => {
        const name = `wants/${wants.join('.') || 'nothing'}`;
        const server = await world.createPort({ wants }, name);
        const { channel } = await connectChannel(name, world.meeting);
        const attributes = channel.attributesOf({ work: WORK, deadlineMs: 1e9 });
        const ignore = (): void => undefined;
        channel.start({ onRequest: ignore, onDatagram: ignore, onClosed: ignore });
        channel.close(0);
        await waitUntil('no connection', () => server.connections.size === 0);
        return attributes?.lengthBytes ?? 0;
      };
      expect(await lengthFor([])).toBe(0);
      expect(await lengthFor(['context', 'view', 'direct'])).toBe(0);
      expect(await lengthFor(['deadline'])).toBe(8);
      const workBytes = await lengthFor(['workOnBehalf']);
      expect(workBytes).toBeGreaterThan(WORK.baggage.length);
      expect(await lengthFor(['deadline', 'workOnBehalf'])).toBe(workBytes + 8);
    });

    it('deadline is what remains of the sender’s', async () => {
      const { deadline } = await attributesOf(['deadline'], { timeoutMs: 5000 });
      expect(deadline).toBeGreaterThan(0);
      expect(deadline).toBeLessThanOrEqual(5000);
    });

    it('deadline is absent where there is none', async () => {
      expect((await attributesOf(['deadline'], {})).valid.size).toBe(0);
    });

    it('context tells port context, sequence, id and depth', async () => {
      const { context } = await attributesOf(['context'], {});
      expect(context).toEqual({
        portContext: 'context of the port',
        sequence: 0,
        messageId: 1,
        depth: 0,
      });
    });

    it('come with datagrams, in either direction', async () => {
      const { held, onMessage } = holding();
      const { accepted } = await world.pair({ client: { onMessage, wants: ['workOnBehalf'] } });
      await accepted.send(textBytes('.'), { work: WORK });
      await waitUntil('the datagram', () => held.length === 1);
      expect([...held[0]!.attributes.valid]).toEqual(['workOnBehalf']);
      expect(held[0]!.attributes.workOnBehalf).toMatchObject({ trace: WORK.trace, priority: 3 });
    });
  });
}

function describeWork(subject: TransportUnderTest): void {
  describe('port 16, attributes: work on behalf', () => {
    const world = usePortWorld(subject);

    it('has defaults: no trace, priority 1, no baggage', async () => {
      const { held, onMessage } = holding();
      const { client } = await world.pair({ server: { wants: ['workOnBehalf'], onMessage } });
      await client.send(textBytes('.'), { work: {} });
      await waitUntil('the datagram', () => held.length === 1);
      const { workOnBehalf } = held[0]!.attributes;
      expect(workOnBehalf).toEqual({ trace: '', priority: 1, baggage: new Uint8Array(0) });
    });

    it('may be as long as the limits, and no longer', async () => {
      const { held, onMessage } = holding();
      const { client } = await world.pair({ server: { wants: ['workOnBehalf'], onMessage } });
      const longest = {
        trace: 't'.repeat(256),
        baggage: new Uint8Array(1024).fill(7),
        priority: 0,
      };
      for (const work of [
        { ...longest, trace: 't'.repeat(257) },
        { ...longest, trace: 'ä'.repeat(129) },
        { ...longest, baggage: new Uint8Array(1025) },
        { ...longest, priority: 4 },
        { ...longest, priority: -1 },
        { ...longest, priority: 1.5 },
      ]) {
        const failed = rejectionOf('send', client.send(textBytes('no'), { work }));
        expect(await failed).toBeInstanceOf(RangeError);
      }
      await client.send(textBytes('yes'), { work: longest });
      await waitUntil('the datagram', () => held.length === 1);
      expect(bytesText(held[0]!.data)).toBe('yes');
      expect(held[0]!.attributes.workOnBehalf).toEqual(longest);
    });

    it('is a copy that later changes of the sender do not reach', async () => {
      const { held, onMessage } = holding();
      const { client } = await world.pair({ server: { wants: ['workOnBehalf'], onMessage } });
      const baggage = new Uint8Array([1, 2, 3]);
      await client.send(textBytes('.'), { work: { baggage } });
      baggage.fill(0);
      await waitUntil('the datagram', () => held.length === 1);
      expect([...held[0]!.attributes.workOnBehalf!.baggage]).toEqual([1, 2, 3]);
    });
  });
}

function describeCompletion(subject: TransportUnderTest): void {
  describe('port 16, attributes: completion descriptor', () => {
    const world = usePortWorld(subject);

    /** A pipe that can be read and written, as an eventfd can. */
    async function withPipe(run: (descriptor: number) => Promise<void>): Promise<void> {
      const path = `${world.runtime.directory}/pipe`;
      execFileSync('mkfifo', [path]);
      const descriptor = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
      rmSync(path);
      try {
        await run(descriptor);
      } finally {
        closeSync(descriptor);
      }
    }

    /** What was written, or `undefined` when nothing was. */
    function take(descriptor: number): bigint[] {
      const bytes = Buffer.alloc(64);
      try {
        const length = readSync(descriptor, bytes);
        return Array.from({ length: length / 8 }, (_, index) => bytes.readBigUInt64LE(8 * index));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return [];
        throw error;
      }
    }

    it('gets 1 when the reply is there, and nothing before', async () => {
      await withPipe(async (completionDescriptor) => {
        const { held, onMessage } = holding();
        const { client } = await world.pair({ server: { onMessage } });
        const replied = client.request(textBytes('?'), { completionDescriptor });
        await waitUntil('the request', () => held.length === 1);
        expect(take(completionDescriptor)).toEqual([]);
        await held[0]!.reply(textBytes('!'));
        await replied;
        expect(take(completionDescriptor)).toEqual([1n]);
      });
    });

    it('gets 1, once, when the request fails', async () => {
      await withPipe(async (completionDescriptor) => {
        const { onMessage } = holding();
        const { client } = await world.pair({ server: { onMessage } });
        const late = client.request(textBytes('?'), { completionDescriptor, timeoutMs: 10 });
        await expectCode(late, 'TIMEOUT');
        expect(take(completionDescriptor)).toEqual([1n]);
        const aborter = new AbortController();
        const { signal } = aborter;
        const failed = client.request(textBytes('?'), { completionDescriptor, signal });
        aborter.abort();
        await expectCode(failed, 'CANCELED');
        expect(take(completionDescriptor)).toEqual([1n]);
      });
    });

    it('does not block or fail the request when it is full', async () => {
      await withPipe(async (completionDescriptor) => {
        const { client } = await world.pair({ server: { onMessage: echo } });
        for (let count = 0; count < 9000; count++) {
          await client.request(new Uint8Array(1), { completionDescriptor });
        }
        expect(take(completionDescriptor).length).toBe(8);
      });
    });
  });
}
