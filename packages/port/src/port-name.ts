import { createHash, randomBytes } from 'node:crypto';
import { join } from 'node:path';

import { PortError } from '@portcall/wire';

/** Where names live, each with rules of its own. Source: `port.md` 1. */
export const PORT_NAMESPACES = ['session', 'system', 'inproc', 'unnamed', 'abstract'] as const;

/** One of {@link PORT_NAMESPACES}. */
export type PortNamespace = (typeof PORT_NAMESPACES)[number];

/** A checked name. */
export interface PortName {
  /** In full, except that a bare name stays bare; for messages, and for whoever connects. */
  readonly text: string;
  readonly namespace: PortNamespace;
  /** Segments joined by `/`, without the namespace; of an unnamed port its hexadecimal digits. */
  readonly path: string;
}

/** Where a port's files are. */
export interface PortPaths {
  /** The socket. */
  readonly socket: string;
  /** The lock that its owner holds. */
  readonly lock: string;
  /** Says which name a hashed leaf stands for; `undefined` where the leaf says so itself. */
  readonly sidecar: string | undefined;
}

/** One segment of a name. Source: `port.md` 1. */
const SEGMENT = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/;

/** Segments of a name. Source: `port.md` 1. */
const SEGMENTS_MAX = 4;

/** Random bytes of an unnamed port's name: as many as a UUID has, too many to guess. */
const UNNAMED_BYTES = 16;

const UNNAMED = /^[0-9a-f]{32}$/;

/** Longest path that fits `sockaddr_un` with its final NUL. Source: `unix(7)`. */
const SOCKET_PATH_BYTES_MAX = 107;

/** What `claimName` puts behind the directory while a socket is not in its place yet. */
const TEMPORARY_BYTES = '/.new-zzzzz-XXXXXX/s'.length;

/** Begins the address of every abstract port: the NUL that makes it abstract, and who we are. */
const ABSTRACT_PREFIX = '\0portcall/';

/**
 * Checks a port's name: `name`, `a/b`, or one with its namespace before a colon; case-sensitive,
 * 1 to 4 segments.
 *
 * @throws PortError PORT_NAME_INVALID
 */
export function parsePortName(text: string): PortName {
  const colon = text.indexOf(':');
  const namespace = namespaceOf(text, colon < 0 ? 'session' : text.slice(0, colon));
  const path = text.slice(colon + 1);
  if (namespace === 'unnamed') {
    if (!UNNAMED.test(path)) throw invalid(text, 'an unnamed port has 32 hexadecimal digits');
    return { text, namespace, path };
  }
  const segments = path.split('/');
  if (segments.length > SEGMENTS_MAX) {
    throw invalid(text, `it has ${segments.length} segments, limit is ${SEGMENTS_MAX} segments`);
  }
  const bad = segments.find((segment) => !SEGMENT.test(segment));
  if (bad !== undefined) {
    throw invalid(
      text,
      `segment "${bad.slice(0, 80)}" is not 1 to 64 letters, digits, "_", "." or "-", ` +
        `starting with a letter, digit or "_"`,
    );
  }
  return { text, namespace, path };
}

/**
 * The name of a port to create: as `parsePortName`, and `unnamed:`, which makes up a name that
 * nobody can guess. An unnamed port of a given name cannot be created: it would not be one.
 *
 * @throws PortError PORT_NAME_INVALID
 */
export function parseNewPortName(text: string): PortName {
  if (!text.startsWith('unnamed:')) return parsePortName(text);
  if (text !== 'unnamed:') throw invalid(text, 'the digits of an unnamed port are made up for it');
  return parsePortName(`unnamed:${randomBytes(UNNAMED_BYTES).toString('hex')}`);
}

function namespaceOf(text: string, namespace: string): PortNamespace {
  const found = PORT_NAMESPACES.find((known) => known === namespace);
  if (found !== undefined) return found;
  const wanted = PORT_NAMESPACES.map((known) => `"${known}"`).join(', ');
  throw invalid(text, `namespace is "${namespace.slice(0, 80)}", wanted one of ${wanted}`);
}

function invalid(text: string, why: string): PortError {
  const portName = text.slice(0, 300);
  return new PortError('PORT_NAME_INVALID', `Cannot use port name "${portName}": ${why}`, {
    portName,
  });
}

/**
 * The files of a port in a directory. A name too long for a socket path gets a hashed leaf.
 *
 * @throws PortError PORT_NAME_INVALID when the directory leaves no room even for that
 */
export function portPaths(directory: string, name: PortName): PortPaths {
  const tooLong = Buffer.byteLength(directory) + TEMPORARY_BYTES > SOCKET_PATH_BYTES_MAX;
  const leaf = leafText(name).replaceAll('/', '!');
  const plain = join(directory, leaf);
  if (!tooLong && Buffer.byteLength(plain) <= SOCKET_PATH_BYTES_MAX) {
    return { socket: plain, lock: lockPath(directory, leaf), sidecar: undefined };
  }
  const hashed = join(directory, hashedLeaf(name));
  if (tooLong || Buffer.byteLength(hashed) > SOCKET_PATH_BYTES_MAX) {
    throw invalid(
      name.text,
      `directory ${directory} is too long for a socket path of ${SOCKET_PATH_BYTES_MAX} bytes; ` +
        `set PORTCALL_RUNTIME_DIR to a shorter one`,
    );
  }
  return {
    socket: hashed,
    lock: lockPath(directory, hashedLeaf(name)),
    sidecar: `${hashed}.name`,
  };
}

/** The address of an abstract port; hashed where the name is too long, as a file's leaf is. */
export function abstractAddress(name: PortName): string {
  const plain = `${ABSTRACT_PREFIX}${name.path}`;
  const fits = Buffer.byteLength(plain) <= SOCKET_PATH_BYTES_MAX;
  return fits ? plain : `${ABSTRACT_PREFIX}${hashedLeaf(name)}`;
}

/** A leaf that no port's socket has: a plain name may end in `.lock`, but none has a `#`. */
function lockPath(directory: string, leaf: string): string {
  return join(directory, `#${leaf}.lock`);
}

/** Apart from other names even where a session port is called like an unnamed one's digits. */
function leafText(name: PortName): string {
  return name.namespace === 'unnamed' ? `~${name.path}` : name.path;
}

/** A leaf no plain name can be: names have no `#`. */
function hashedLeaf(name: PortName): string {
  return `#${createHash('sha256').update(leafText(name)).digest('hex').slice(0, 24)}`;
}
