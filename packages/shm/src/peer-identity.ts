import type { NativeBinding } from '@portcall/native';
import type { PeerIdentity } from '@portcall/transport';

/** Longest path of an executable that is kept; PATH_MAX of Linux. */
const PATH_BYTES_MAX = 4096;

/** The peer as the kernel states it, and a descriptor that becomes readable when it dies. */
export interface KernelPeer {
  readonly identity: PeerIdentity | undefined;
  /** Owner: the caller. −1 where the kernel has none. */
  readonly pidfd: number;
}

/**
 * Asks the kernel who is at the other end of a connected socket.
 *
 * Credentials are those of the process that called `connect` (or `listen`), at that moment.
 * Process 0
 * or the overflow user mean that our namespace does not know it: then the peer is unknown, never
 * "nobody". The start time is read while the pidfd is held, and dropped when the process is gone.
 */
export function readPeerIdentity(native: NativeBinding, fd: number): KernelPeer {
  const fields = new Float64Array(3);
  const pidfd = Math.max(native.peerPidfd(fd), -1);
  if (native.peerCredentials(fd, fields) < 0) return { identity: undefined, pidfd };
  const [pid = 0, uid = -1, gid = -1] = fields;
  if (pid <= 0 || uid < 0) return { identity: undefined, pidfd };
  const startTime = readStartTime(native, pid);
  const exe = readExecutable(native, pid);
  // Only a process that still lives now had this number while /proc was read.
  const known = pidfd >= 0 && native.processEnded(pidfd) === 0;
  const identity: PeerIdentity = {
    pid,
    uid,
    gid,
    groups: undefined,
    startTime: known ? startTime : undefined,
    exe: known ? exe : undefined,
    namespaces: undefined,
    source: 'connect',
  };
  return { identity, pidfd };
}

/** Field 22 of `/proc/<pid>/stat`, counted from behind the name, which may hold anything. */
function readStartTime(native: NativeBinding, pid: number): number | undefined {
  const bytes = new Uint8Array(1024);
  const length = native.processStat(pid, bytes);
  if (length <= 0) return undefined;
  const text = Buffer.from(bytes.buffer, 0, length).toString('latin1');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const startTime = Number(fields[19]);
  return Number.isSafeInteger(startTime) ? startTime : undefined;
}

function readExecutable(native: NativeBinding, pid: number): string | undefined {
  const bytes = new Uint8Array(PATH_BYTES_MAX);
  const length = native.processImage(pid, bytes);
  if (length <= 0 || length === PATH_BYTES_MAX) return undefined;
  return Buffer.from(bytes.buffer, 0, length).toString('utf8');
}
