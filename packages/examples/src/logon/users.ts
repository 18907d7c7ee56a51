import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';

import type { NewUser } from './user-table.js';
import type { Prompt } from './winlogon-messages.js';

/** A user at the screen: the table that the authority reads has nothing of this. */
export interface Person {
  readonly entry: NewUser;
  /** What the person answers to a dialog. */
  answer(prompt: Prompt): string;
}

/** The people of this example, with passwords and cards made for this run. */
export function people(): { readonly ada: Person; readonly brian: Person; readonly guest: Person } {
  return {
    ada: person('ada', ['staff', 'auditors'], true),
    brian: person('brian', ['staff'], false),
    guest: person('guest', ['staff', 'guests'], false),
  };
}

function person(user: string, groups: readonly string[], hasCard: boolean): Person {
  const password = randomBytes(9).toString('base64');
  const card = hasCard ? generateKeyPairSync('ed25519') : undefined;
  return {
    entry: { user, groups, password, ...(card === undefined ? {} : { card: card.publicKey }) },
    answer({ ask, challenge }) {
      if (ask === 'password') return password;
      if (card === undefined) throw new Error(`${user} has no card`);
      return sign(null, Buffer.from(challenge, 'base64'), card.privateKey).toString('base64');
    },
  };
}
