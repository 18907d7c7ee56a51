import { channel, type Channel } from 'node:diagnostics_channel';

/**
 * Names of the `diagnostics_channel`s that ports publish to. Without a subscriber an event costs
 * nothing but a look at a flag.
 *
 * *Shape* of all messages: `portName`, and `peer` where the kernel knows it; then, by channel:
 * accept and connect: `transportName`; reject: `code`; request and reply: `messageId`, `bytes`,
 * `role` ('client' or 'server'), reply also `code` when it is an error; death: `closed`; quota:
 * `messages`, `bytes`, `what` ('flood' or 'refused'); protocol-error: `text`.
 */
export const DIAGNOSTICS = {
  connect: 'portcall:connect',
  accept: 'portcall:accept',
  reject: 'portcall:reject',
  request: 'portcall:request',
  reply: 'portcall:reply',
  death: 'portcall:death',
  quota: 'portcall:quota',
  protocolError: 'portcall:protocol-error',
} as const;

/** The channels themselves; look at `hasSubscribers` before making a message. */
export const diagnostics: { readonly [K in keyof typeof DIAGNOSTICS]: Channel } = {
  connect: channel(DIAGNOSTICS.connect),
  accept: channel(DIAGNOSTICS.accept),
  reject: channel(DIAGNOSTICS.reject),
  request: channel(DIAGNOSTICS.request),
  reply: channel(DIAGNOSTICS.reply),
  death: channel(DIAGNOSTICS.death),
  quota: channel(DIAGNOSTICS.quota),
  protocolError: channel(DIAGNOSTICS.protocolError),
};
