import { FEATURE, isPortError, type StatusCode } from '@portcall/wire';
import type { Link, LinkDecision, LinkOptions, Transport } from '@portcall/transport';

import { decodeRejectPayload } from './handshake-payload.js';

/** What the owner of a name says to a new server that wants it. */
export type HandoverAnswer =
  /** It has given the lock back, and waits for the end of the link. Owner of it: the caller. */
  | { readonly kind: 'granted'; readonly link: Link }
  /** The new server has not the right `admin`. */
  | { readonly kind: 'denied' }
  /** It does not do that, or nobody knows what it is. */
  | { readonly kind: 'refused'; readonly cause: unknown }
  /** It is busy, or handing over to somebody else, or gone: ask again whoever is there then. */
  | { readonly kind: 'later' };

/** What `askForName` needs. */
export interface NameQuestion {
  readonly transport: Transport;
  readonly address: string;
  readonly options: LinkOptions;
  readonly payload: Uint8Array;
}

/** The owner has gone, or is too busy to answer now. */
const LATER: readonly StatusCode[] = ['PORT_NOT_FOUND', 'SERVER_BUSY', 'DISCONNECTED', 'TIMEOUT'];

/** Asks the server at an address for its name. Source: `docs/PROTOCOL.md` 2.3. */
export async function askForName(question: NameQuestion): Promise<HandoverAnswer> {
  const { transport, address, options, payload } = question;
  let decision: LinkDecision;
  try {
    const outgoing = await transport.connect(address, options);
    decision = await outgoing.request(payload, FEATURE.HANDOVER).catch((error: unknown) => {
      outgoing.close();
      throw error;
    });
  } catch (cause) {
    const code = isPortError(cause) ? cause.code : undefined;
    const again = LATER.some((later) => later === code);
    return again ? { kind: 'later' } : { kind: 'refused', cause };
  }
  const { link } = decision;
  if (link === undefined) return refusal(decision.payload);
  // Nothing is said on this link; only its end matters.
  const limits = { recordBytesMax: link.recordBytesMax };
  link.start(
    { onRecord: () => undefined, onWritable: () => undefined, onEnd: () => undefined },
    limits,
  );
  if ((decision.features & FEATURE.HANDOVER) !== 0) return { kind: 'granted', link };
  link.close();
  return { kind: 'refused', cause: new Error('It accepted, but not the handover') };
}

function refusal(payload: Uint8Array): HandoverAnswer {
  const { status } = decodeRejectPayload(payload);
  if (status === 'SERVER_BUSY') return { kind: 'later' };
  if (status === 'ACCESS_DENIED') return { kind: 'denied' };
  return { kind: 'refused', cause: new Error(`It answered ${status}`) };
}
