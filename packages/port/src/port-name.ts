import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { PortError } from '@portcall/wire';

/** One segment of a name. Source: `port.md` 1. */
const SEGMENT = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/;

/** Segments of a name. Source: `port.md` 1. */
const SEGMENTS_MAX = 4;

/** Longest path that fits `sockaddr_un` with its final NUL. Source: `unix(7)`. */
const SOCKET_PATH_BYTES_MAX = 107;

/** What `claimName` puts behind the directory while a socket is not in its place yet. */
const TEMPORARY_BYTES = '/.new-XXXXXX/s'.length;

/** Where a port's files are. */
export interface PortPaths {
  /** The socket. */
  readonly socket: string;
  /** The lock that its owner holds. */
  readonly lock: string;
}

/** A checked name. */
export interface PortName {
  /** As the user gave it, for messages. */
  readonly text: string;
  /** Segments joined by `/`, without the namespace. */
  readonly path: string;
}

/**
 * Checks a port's name: `name`, `a/b` or `session:a/b`; case-sensitive, 1 to 4 segments.
 *
 * @throws PortError PORT_NAME_INVALID
 */
export function parsePortName(text: string): PortName {
  const colon = text.indexOf(':');
  const namespace = colon < 0 ? 'session' : text.slice(0, colon);
  const path = text.slice(colon + 1);
  if (namespace !== 'session') {
    throw invalid(text, `namespace is "${namespace}", wanted "session"`);
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
  return { text, path };
}

function invalid(text: string, why: string): PortError {
  const portName = text.slice(0, 300);
  return new PortError('PORT_NAME_INVALID', `Cannot use port name "${portName}": ${why}`, {
    portName,
  });
}

/**
 * The files of a port in a runtime directory. A name too long for a socket path gets a hashed leaf.
 */
export function portPaths(directory: string, name: PortName): PortPaths {
  const tooLong = Buffer.byteLength(directory) + TEMPORARY_BYTES > SOCKET_PATH_BYTES_MAX;
  const leaf = name.path.replaceAll('/', '!');
  const plain = join(directory, leaf);
  if (!tooLong && Buffer.byteLength(plain) <= SOCKET_PATH_BYTES_MAX) {
    return { socket: plain, lock: lockPath(directory, leaf) };
  }
  const hashed = join(directory, hashedLeaf(name));
  if (tooLong || Buffer.byteLength(hashed) > SOCKET_PATH_BYTES_MAX) {
    throw new PortError(
      'PORT_NAME_INVALID',
      `Cannot use port name "${name.text}": runtime directory ${directory} is too long for a ` +
        `socket path of ${SOCKET_PATH_BYTES_MAX} bytes; set PORTCALL_RUNTIME_DIR to a shorter one`,
      { portName: name.text },
    );
  }
  return { socket: hashed, lock: lockPath(directory, hashedLeaf(name)) };
}

/** A leaf that no port's socket has: a plain name may end in `.lock`, but none has a `#`. */
function lockPath(directory: string, leaf: string): string {
  return join(directory, `#${leaf}.lock`);
}

/** A leaf no plain name can be: names have no `#`. */
function hashedLeaf(name: PortName): string {
  return `#${createHash('sha256').update(name.path).digest('hex').slice(0, 24)}`;
}

/** Beside a hashed leaf: which name it stands for. Without effect for a plain one. */
export function writeNameSidecar(paths: PortPaths, name: PortName): string | undefined {
  if (!paths.socket.endsWith(hashedLeaf(name))) return undefined;
  const sidecar = `${paths.socket}.name`;
  writeFileSync(sidecar, `${name.path}\n`, { mode: 0o600 });
  return sidecar;
}
