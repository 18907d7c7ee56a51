import { describe, expect, it } from 'vitest';

import { Status } from '@portcall/rpc';

import { ConformanceService, SecondService } from '../gen/proto/conformance.portcall.js';
import { expectCode } from '../port/expect-error.js';
import type { TransportUnderTest } from '../transports.js';
import { rejectionOf, waitUntil, within } from '../wait-until.js';
import { ConformanceServer } from './conformance-server.js';
import { expectStatus } from './expect-rpc-error.js';
import { useRpcWorld } from './rpc-world.js';

const METHOD = 'portcall.testing.v1.Conformance/Fail';

/** What handlers throw, what cannot be bound or called, what is too much. */
export function describeFailures(subject: TransportUnderTest): void {
  describe('errors of handlers', () => {
    const world = useRpcWorld(subject);

    it('made to be sent arrive with code, text and details, without their cause', async () => {
      const { client } = await world.pair();
      const request = { kind: 'rpc', code: Status.ABORTED, text: 'Cannot do: ä' };
      const error = await expectStatus(client.fail(request), Status.ABORTED);
      expect(error.message).toBe('Cannot do: ä');
      expect(error.details).toEqual([
        { typeUrl: 'type.googleapis.com/a.B', value: new Uint8Array([1, 2, 3]) },
        { typeUrl: 'type.googleapis.com/empty', value: new Uint8Array(0) },
      ]);
      expect([error.status, error.executed, error.method]).toEqual(['ABORTED', 'yes', METHOD]);
      expect([error.retryable, error.cause]).toEqual([false, undefined]);
      expect(world.errors).toEqual([]);
    });

    it('of ports arrive as the gRPC status that stands for them', async () => {
      const { client } = await world.pair();
      const failed = client.fail({ kind: 'port', text: 'Cannot create: in use' });
      const error = await expectStatus(failed, Status.ALREADY_EXISTS);
      expect(error.message).toBe('Cannot create: in use');
      expect(world.errors).toEqual([]);
    });

    it('with the shape of nice-grpc arrive as they are', async () => {
      const { client } = await world.pair();
      const request = { kind: 'nice', code: Status.PERMISSION_DENIED, text: 'not you' };
      const error = await expectStatus(client.fail(request), Status.PERMISSION_DENIED);
      expect(error.message).toBe('not you');
      expect(world.errors).toEqual([]);
    });

    it.each(['error', 'sync', 'text', 'nothing'])(
      'of other kinds (%s) are INTERNAL, told in full only to the same user',
      async (kind) => {
        const { client } = await world.pair();
        const failed = client.fail({ kind, text: 'planned secret' });
        const error = await expectStatus(failed, Status.INTERNAL);
        const tells = subject.hasIdentity && kind !== 'nothing';
        expect(error.message.includes('planned secret')).toBe(tells);
        expect(error.executed).toBe('yes');
        expect(world.errors.length).toBe(1);
      },
    );

    it('leave the connection as it is', async () => {
      const { client } = await world.pair();
      const kinds = ['rpc', 'error', 'sync', 'nice', 'port'];
      for (let round = 0; round < 20; round++) {
        const calls = kinds.map((kind) => client.fail({ kind, code: 5, text: 'x' }));
        const outcomes = await Promise.allSettled([...calls, client.echo({ int32Value: round })]);
        expect(outcomes.map(({ status }) => status)).toEqual([
          ...kinds.map(() => 'rejected'),
          'fulfilled',
        ]);
      }
    });

    it('for a result of a wrong type are INTERNAL, or the codec takes it', async () => {
      const { client } = await world.pair({
        overrides: { fetch: async () => ({ data: 'text' }) as never },
      });
      const answer = client.fetch({}).then(
        () => undefined,
        (error: unknown) => error,
      );
      const error = await within('an answer', answer);
      if (error !== undefined) expect(error).toMatchObject({ code: Status.INTERNAL });
      expect((await client.echo({ int32Value: 3 })).int32Value).toBe(3);
    });

    it('for a response with a number out of range are INTERNAL', async () => {
      const { client } = await world.pair({
        overrides: { echo: async (request) => ({ ...request, int32Value: 2 ** 31 }) },
      });
      await expectStatus(client.echo({}), Status.INTERNAL);
      expect(world.errors.length).toBe(1);
      expect((await client.fetch({ lengthBytes: 3 })).data.length).toBe(3);
    });
  });
  describeBinding(subject);
  describeLimits(subject);
}

function describeBinding(subject: TransportUnderTest): void {
  describe('bind()', () => {
    const world = useRpcWorld(subject);
    const withVersion = (major: number, minor: number): typeof ConformanceService => ({
      ...ConformanceService,
      version: { major, minor },
    });

    it.each([
      [2, 3, 'accepted'],
      [2, 0, 'accepted'],
      [2, 4, 'VERSION_MISMATCH'],
      [1, 3, 'VERSION_MISMATCH'],
      [3, 0, 'VERSION_MISMATCH'],
    ])('of version %i.%i to a server of 2.3 is %s', async (major, minor, wanted) => {
      await world.pair();
      const binding = world.bind(withVersion(major, minor));
      if (wanted === 'accepted') await (await binding).echo({});
      else expect((await expectCode(binding, 'VERSION_MISMATCH')).executed).toBe('no');
    });

    it('of an interface that is not there is UNKNOWN_INTERFACE', async () => {
      await world.pair();
      const error = await expectCode(world.bind(SecondService), 'UNKNOWN_INTERFACE');
      expect(error.message).toContain('portcall.testing.v1.Second');
    });

    it('of the same version with another schema works, with a warning', async () => {
      await world.pair();
      const warnings: string[] = [];
      const listener = (warning: Error): void => void warnings.push(warning.name);
      process.on('warning', listener);
      try {
        const fingerprint = '0'.repeat(32);
        const client = await world.bind({ ...ConformanceService, fingerprint });
        await client.echo({});
        await waitUntil('the warning', () => warnings.includes('PortcallSchemaWarning'));
      } finally {
        process.off('warning', listener);
      }
    });

    it('of a port that nobody has is PORT_NOT_FOUND', async () => {
      const error = await expectCode(world.bind(ConformanceService), 'PORT_NOT_FOUND');
      expect(error.portName).toBe('conformance');
    });

    it('ends its connection when it fails', async () => {
      const { server } = await world.pair();
      await expectCode(world.bind(SecondService), 'UNKNOWN_INTERFACE');
      await waitUntil('one connection', () => server.connectionCount === 1);
    });

    it('finds methods by id: an unknown one is UNKNOWN_METHOD, no more', async () => {
      const { handlers } = await world.pair();
      const { echo, tell } = ConformanceService.methods;
      const client = await world.bind({
        ...ConformanceService,
        methods: {
          ...ConformanceService.methods,
          echo: { ...echo!, id: 0x7ffffff1 },
          tell: { ...tell!, id: 0x7ffffff2 },
        },
      });
      const error = await expectCode(client.echo({}), 'UNKNOWN_METHOD');
      expect([error.executed, error.method]).toEqual([
        'no',
        'portcall.testing.v1.Conformance/Echo',
      ]);
      await client.tell({ number: 5 });
      expect((await client.fetch({ lengthBytes: 2 })).data.length).toBe(2);
      expect(handlers.runs.has('echo')).toBe(false);
    });

    it.each(['watch', 'upload', 'chat'] as const)('refuses to stream: %s()', async (method) => {
      const { client } = await world.pair();
      const call = async (): Promise<unknown> => await client[method]({} as never);
      const error = await expectCode(call(), 'UNKNOWN_METHOD');
      expect(error.message).toMatch(/stream/);
      expect(error.executed).toBe('no');
    });

    it('refuses to stream at the server, too', async () => {
      await world.pair();
      const { watch } = ConformanceService.methods;
      const methods = {
        ...ConformanceService.methods,
        watch: { ...watch!, kind: 'unary' as const },
      };
      const client = await world.bind({ ...ConformanceService, methods });
      const call = async (): Promise<unknown> => await (client.watch({}) as unknown);
      expect((await expectCode(call(), 'UNKNOWN_METHOD')).executed).toBe('no');
      await client.echo({});
    });
  });

  describe('serve()', () => {
    const world = useRpcWorld(subject);

    it('is a TypeError when a method has no implementation', async () => {
      const partial = ConformanceService.implement({ echo: async () => ({}) } as never);
      const error = await rejectionOf('serve', world.serve([partial]));
      expect(error).toBeInstanceOf(TypeError);
      expect(String(error)).toContain('fail');
    });

    it('is a TypeError when an interface is there twice', async () => {
      const one = ConformanceService.implement(new ConformanceServer());
      expect(await rejectionOf('serve', world.serve([one, one]))).toBeInstanceOf(TypeError);
    });

    it('is PORT_NAME_IN_USE when somebody has the name', async () => {
      await world.pair();
      await expectCode(world.serve([]), 'PORT_NAME_IN_USE');
    });
  });
}

const MEBIBYTE = 1024 * 1024;

function describeLimits(subject: TransportUnderTest): void {
  describe('limits', () => {
    const world = useRpcWorld(subject);

    it('are 4 MiB by default, both ways, and the connection lives', async () => {
      const { client, handlers } = await world.pair();
      const long = client.fetch({ padding: new Uint8Array(5 * MEBIBYTE) });
      const request = await expectCode(long, 'MESSAGE_TOO_LONG');
      expect([request.executed, handlers.runs.has('fetch')]).toEqual(['no', false]);
      expect(request.message).toMatch(/52\d{5} bytes.*4194304 bytes/);
      const failed = client.fetch({ lengthBytes: 5 * MEBIBYTE });
      const response = await expectCode(failed, 'MESSAGE_TOO_LONG');
      expect(response.executed).toBe('yes');
      expect(response.message).toMatch(/52\d{5} bytes.*4194304 bytes/);
      const most = 4 * MEBIBYTE - 100;
      expect((await client.fetch({ lengthBytes: most })).data.length).toBe(most);
    });

    it('can be raised on both sides', async () => {
      const attributes = { maxMessageLength: 16 * MEBIBYTE, maxPoolUsage: 32 * MEBIBYTE };
      const { client } = await world.pair({ server: { attributes }, client: { attributes } });
      const lengthBytes = 5 * MEBIBYTE;
      const padding = new Uint8Array(lengthBytes);
      const blobs = await Promise.all([1, 2, 3].map(() => client.fetch({ lengthBytes, padding })));
      for (const { data } of blobs) {
        expect(data.length).toBe(lengthBytes);
        expect(data.every((byte) => byte === 7)).toBe(true);
      }
    });

    it('of a method hold for its requests and responses', async () => {
      const { client } = await world.pair();
      const request = await expectCode(
        client.limited({ data: new Uint8Array(1100) }),
        'MESSAGE_TOO_LONG',
      );
      expect([request.executed, request.message]).toEqual([
        'no',
        expect.stringContaining('1000 bytes'),
      ]);
      const response = await expectCode(client.limited({}), 'MESSAGE_TOO_LONG');
      expect([response.executed, response.message]).toEqual([
        'yes',
        expect.stringContaining('500 bytes'),
      ]);
      expect((await client.limited({ data: new Uint8Array(900) })).data.length).toBe(5);
    });

    it('of calls at once refuse more as SERVER_BUSY, before the handler', async () => {
      const { client, handlers } = await world.pair({ server: { maxCallsPerConnection: 4 } });
      const held = [0, 1, 2, 3].map((number) => client.hold({ number }));
      await waitUntil('the calls', () => handlers.held.length === 4);
      const error = await expectCode(client.hold({ number: 4 }), 'SERVER_BUSY');
      expect([error.executed, error.retryable]).toEqual(['no', true]);
      expect(handlers.runs.get('hold')).toBe(4);
      for (const call of handlers.held) call.release();
      await Promise.all(held);
      expect((await client.echo({ int32Value: 1 })).int32Value).toBe(1);
    });

    it('of requests at once are 1 024 at the client', async () => {
      const { client, handlers } = await world.pair();
      const held = Array.from({ length: 1024 }, (_, number) => client.hold({ number }));
      const error = await expectCode(client.hold({ number: 1024 }), 'QUOTA_EXCEEDED');
      expect(error.executed).toBe('no');
      await waitUntil('the calls', () => handlers.held.length === 1024);
      for (const call of handlers.held) call.release();
      await Promise.all(held);
    });
  });
}
