import {
  createPublicKey,
  randomBytes,
  scrypt,
  timingSafeEqual,
  verify,
  type KeyObject,
} from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';

/** A user as the table keeps it: nothing in it lets anybody log on. */
export interface UserRow {
  readonly user: string;
  readonly groups: readonly string[];
  /** Base64. */
  readonly salt: string;
  /** scrypt of the password with this salt; Base64. */
  readonly hash: string;
  /** Public key of the user's card (Ed25519, PEM), for users who must show one. */
  readonly card?: string;
}

/** Bytes of a salt and of a hash. */
const SALT_BYTES = 16;
const HASH_BYTES = 32;

/** A user who does not exist takes as long to refuse as one who does. */
const NOBODY = {
  salt: randomBytes(SALT_BYTES).toString('base64'),
  hash: randomBytes(HASH_BYTES).toString('base64'),
};

/** The users who may log on. Source: NT's security account manager. */
export class UserTable {
  readonly #rows: ReadonlyMap<string, UserRow>;

  /** Reads the table from its file. */
  constructor(path: string) {
    const rows = JSON.parse(readFileSync(path, 'utf8')) as UserRow[];
    this.#rows = new Map(rows.map((row) => [row.user, row]));
  }

  /** @returns `undefined` for a user that there is not, after the same work, or a wrong password */
  async findByPassword(user: string, password: Uint8Array): Promise<UserRow | undefined> {
    const row = this.#rows.get(user);
    const { salt, hash } = row ?? NOBODY;
    const found = await hashOf(password, Buffer.from(salt, 'base64'));
    return timingSafeEqual(found, Buffer.from(hash, 'base64')) ? row : undefined;
  }
}

/** Whether a user's card signed this challenge just now. */
export function isSignedByCard(card: string, challenge: Uint8Array, signed: Uint8Array): boolean {
  return verify(null, challenge, createPublicKey(card), signed);
}

/** What a table is made from. */
export interface NewUser {
  readonly user: string;
  readonly groups: readonly string[];
  readonly password: string;
  /** Public key of a card. */
  readonly card?: KeyObject;
}

/** Writes a table that only its owner can read. */
export async function writeUserTable(path: string, users: readonly NewUser[]): Promise<void> {
  const rows: UserRow[] = [];
  for (const { user, groups, password, card } of users) {
    const salt = randomBytes(SALT_BYTES);
    const hash = await hashOf(Buffer.from(password), salt);
    const row = { user, groups, salt: salt.toString('base64'), hash: hash.toString('base64') };
    const pem = card?.export({ type: 'spki', format: 'pem' });
    rows.push(pem === undefined ? row : { ...row, card: String(pem) });
  }
  writeFileSync(path, JSON.stringify(rows, undefined, 2), { mode: 0o600 });
}

/** With Node's default cost of scrypt: N is 16 384, r is 8, p is 1; 16 MiB of memory. */
function hashOf(password: Uint8Array, salt: Uint8Array): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password, salt, HASH_BYTES, (error, hash) => {
      if (error === null) resolve(hash);
      else reject(error);
    });
  });
}
