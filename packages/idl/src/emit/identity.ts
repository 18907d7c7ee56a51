import { createHash } from 'node:crypto';

/**
 * Namespace of the UUIDs of services that set none: UUID version 5 of their full name in it. Chosen
 * at random once; a change would change the identity of every such service.
 */
export const SERVICE_UUID_NAMESPACE = '7d2f6a54-41c1-4e0b-9c3a-5b8e0d1f7a26';

/** UUID version 5 (RFC 9562, section 5.5) of a name in a namespace. */
export function uuidV5(name: string, namespace: string): string {
  const space = Buffer.from(namespace.replaceAll('-', ''), 'hex');
  const hash = createHash('sha1').update(space).update(name, 'utf8').digest().subarray(0, 16);
  hash.writeUInt8((hash.readUInt8(6) & 0x0f) | 0x50, 6);
  hash.writeUInt8((hash.readUInt8(8) & 0x3f) | 0x80, 8);
  return hash.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** Id of a method that sets none: FNV-1a with 32 bits over the UTF-8 of its name; 0 becomes 1. */
export function methodIdOf(name: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(name, 'utf8')) {
    hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  }
  return hash === 0 ? 1 : hash;
}
