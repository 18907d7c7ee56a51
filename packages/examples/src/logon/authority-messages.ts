import { ACCESS_RIGHTS, type AccessRight } from './access.js';
import { decodeFrame, invalid, textOf } from './frame.js';

/** What the authority is asked. */
export type AuthorityRequest =
  /** Log this user on. The password is asked for, by callback. */
  | { readonly kind: 'logOn'; readonly user: string }
  | { readonly kind: 'logOff'; readonly session: string }
  /** May I use this object? The monitor is asked, on the client's behalf. */
  | {
      readonly kind: 'open';
      readonly session: string;
      readonly object: string;
      readonly right: AccessRight;
    };

/**
 * What the authority asks of its client during a log-on. 'password': the reply's body is the
 * password. 'card': the request's body is a challenge, the reply's body the card's signature of it.
 */
export type LogOnPrompt = 'password' | 'card';

/** What a log-on yields. */
export interface LoggedOn {
  readonly session: string;
  readonly groups: readonly string[];
}

/** Reads what a client of the authority sent. @throws PortError INVALID_MESSAGE */
export function readAuthorityRequest(data: Uint8Array): AuthorityRequest {
  const { head } = decodeFrame(data);
  const { kind, right } = head;
  switch (kind) {
    case 'logOn':
      return { kind, user: textOf(head, 'user') };
    case 'logOff':
      return { kind, session: textOf(head, 'session') };
    case 'open': {
      const known = ACCESS_RIGHTS.find((name) => name === right);
      if (known === undefined) throw invalid(`its right is none of ${ACCESS_RIGHTS.join(', ')}`);
      const [session, object] = [textOf(head, 'session'), textOf(head, 'object')];
      return { kind, session, object, right: known };
    }
    default:
      throw invalid('its kind is none of those that the authority knows');
  }
}
