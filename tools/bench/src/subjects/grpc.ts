import {
  Client,
  Server,
  ServerCredentials,
  credentials,
  type ServiceDefinition,
  type handleServerStreamingCall,
  type handleUnaryCall,
} from '@grpc/grpc-js';

import { EchoReply, EchoRequest, StreamItem, StreamRequest } from '../gen/proto/echo.js';
import { socketPath } from './socket-path.js';
import { StreamCheck, streamPayload } from './stream-item.js';
import { MESSAGE_BYTES_MAX, type Driver, type Subject, type SubjectServer } from './subject.js';

const METHOD_PATH = '/portcall.bench.v1.Echo/Echo';
const STREAM_PATH = '/portcall.bench.v1.Echo/Stream';

/** How long a client may take to connect. */
const CONNECT_TIMEOUT_MS = 5000;

const OPTIONS = {
  'grpc.max_receive_message_length': MESSAGE_BYTES_MAX,
  'grpc.max_send_message_length': MESSAGE_BYTES_MAX,
};

/** gRPC as published, with the codec that its users generate with ts-proto. */
export function createGrpc(): Subject {
  return { serve: serveGrpc, connect: connectGrpc };
}

const echo: handleUnaryCall<EchoRequest, EchoReply> = (call, answer) => {
  const { id, payload } = call.request;
  answer(null, { id, payload });
};

/** Sends until the transport has enough, then goes on when it wants more. */
const stream: handleServerStreamingCall<StreamRequest, StreamItem> = (call) => {
  const { count, payloadBytes } = call.request;
  let index = 0;
  const sendSome = (): void => {
    while (index < count) {
      const item = { index, payload: streamPayload(index++, payloadBytes) };
      if (!call.write(item)) {
        call.once('drain', sendSome);
        return;
      }
    }
    call.end();
  };
  sendSome();
};

const service: ServiceDefinition<{ echo: typeof echo; stream: typeof stream }> = {
  stream: {
    path: STREAM_PATH,
    requestStream: false,
    responseStream: true,
    requestSerialize: serializeStreamRequest,
    requestDeserialize: (bytes: Buffer) => StreamRequest.decode(bytes),
    responseSerialize: (item: StreamItem) =>
      viewOf(StreamItem.encode(StreamItem.fromPartial(item)).finish()),
    responseDeserialize: (bytes: Buffer) => StreamItem.decode(bytes),
  },
  echo: {
    path: METHOD_PATH,
    requestStream: false,
    responseStream: false,
    requestSerialize: serializeRequest,
    requestDeserialize: (bytes: Buffer) => EchoRequest.decode(bytes),
    responseSerialize: (reply: EchoReply) =>
      viewOf(EchoReply.encode(EchoReply.fromPartial(reply)).finish()),
    responseDeserialize: deserializeReply,
  },
};

async function serveGrpc(): Promise<SubjectServer> {
  const server = new Server(OPTIONS);
  server.addService(service, { echo, stream });
  await new Promise<void>((resolve, reject) => {
    const address = `unix:${socketPath('grpc-js')}`;
    server.bindAsync(address, ServerCredentials.createInsecure(), (error) =>
      error === null ? resolve() : reject(error),
    );
  });
  return { close: async () => server.forceShutdown() };
}

async function connectGrpc(): Promise<Driver> {
  const address = `unix:${socketPath('grpc-js')}`;
  const client = new Client(address, credentials.createInsecure(), OPTIONS);
  await new Promise<void>((resolve, reject) => {
    client.waitForReady(Date.now() + CONNECT_TIMEOUT_MS, (error) =>
      error === undefined ? resolve() : reject(error),
    );
  });
  return {
    name: 'grpc-js',
    call: (request) => callUnary(client, request),
    payloadOf: (reply) => (reply as EchoReply).payload,
    receive: (request) => receiveStream(client, request),
    close: async () => client.close(),
  };
}

async function receiveStream(client: Client, request: StreamRequest): Promise<void> {
  const check = new StreamCheck(request.count, request.payloadBytes);
  const call = client.makeServerStreamRequest(
    STREAM_PATH,
    serializeStreamRequest,
    (bytes: Buffer) => StreamItem.decode(bytes),
    request,
  );
  const failed = new Promise<never>((_, reject) => call.on('error', reject));
  call.on('data', (item: StreamItem) => check.take(item.payload));
  await Promise.race([check.done, failed]);
}

function callUnary(client: Client, request: EchoRequest): Promise<EchoReply> {
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      METHOD_PATH,
      serializeRequest,
      deserializeReply,
      request,
      (error, reply) => {
        if (reply === undefined) reject(error ?? new Error('Cannot call: there is no reply'));
        else resolve(reply);
      },
    );
  });
}

function serializeRequest(request: EchoRequest): Buffer {
  return viewOf(EchoRequest.encode(EchoRequest.fromPartial(request)).finish());
}

function deserializeReply(bytes: Buffer): EchoReply {
  return EchoReply.decode(bytes);
}

function serializeStreamRequest(request: StreamRequest): Buffer {
  return viewOf(StreamRequest.encode(StreamRequest.fromPartial(request)).finish());
}

/** As the Buffer that gRPC wants, without a copy. */
function viewOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
