import {
  SEAL,
  TMPFS_MAGIC,
  errnoName,
  systemError,
  type Mapping,
  type NativeBinding,
} from '@portcall/native';
import {
  LAYOUT_HASH,
  PortError,
  REGION_HEADER_BYTES,
  REGION_MAGIC,
  REGION_OFFSET,
  RING_BYTES_MAX,
  RING_BYTES_MIN,
  isRingBytes,
} from '@portcall/wire';

/** What every region's descriptor must be sealed with, before it leaves and before it is mapped. */
export const REGION_SEALS = SEAL.SHRINK | SEAL.GROW | SEAL.FUTURE_WRITE | SEAL.SEAL;

/** File type bits of a mode, and their value for a regular file. Source: `inode(7)`. */
const MODE_TYPE_MASK = 0o170000;
const MODE_REGULAR = 0o100000;

/** One side's shared memory as the other side or the owner sees it. */
export interface Region {
  readonly mapping: Mapping;
  /** Header words, for Atomics only. */
  readonly words: Int32Array;
  /** Bytes of the ring behind the header: a power of two. */
  readonly ringBytes: number;
}

/** The region that this side writes, and the descriptor to pass to the peer. */
export interface OwnRegion extends Region {
  /** Owner: the caller, who closes it once the peer has it. */
  readonly fd: number;
}

/**
 * Makes this side's region: allocated, mapped for writing, then sealed so that nobody can ever
 * write to it again through another mapping, or change its size.
 *
 * @throws PortError QUOTA_EXCEEDED when the kernel gives no memory or no descriptor
 */
export function createRegion(native: NativeBinding, ringBytes: number): OwnRegion {
  if (!isRingBytes(ringBytes)) {
    throw new RangeError(
      `Cannot create region: ring is ${ringBytes} bytes, wanted a power of two from ` +
        `${RING_BYTES_MIN} to ${RING_BYTES_MAX}`,
    );
  }
  const bytes = REGION_HEADER_BYTES + ringBytes;
  const fd = checked('memfd_create', native.memfdCreate('portcall', bytes));
  const mapping = native.map(fd, bytes, 1);
  if (typeof mapping === 'number') {
    native.close(fd);
    throw regionError('mmap', mapping);
  }
  const sealed = native.addSeals(fd, REGION_SEALS);
  if (sealed < 0) {
    native.close(fd);
    native.revoke(mapping);
    throw regionError('fcntl', sealed);
  }
  const words = new Int32Array(mapping, 0, REGION_HEADER_BYTES / 4);
  Atomics.store(words, REGION_OFFSET.MAGIC / 4, REGION_MAGIC);
  Atomics.store(words, REGION_OFFSET.LAYOUT_HASH / 4, LAYOUT_HASH);
  Atomics.store(words, REGION_OFFSET.RING_BYTES / 4, ringBytes);
  return { mapping, words, ringBytes, fd };
}

/**
 * Maps the peer's region read-only, after it was seen to be what a region must be. Closes `fd`.
 *
 * This is where a descriptor of another process enters: type, file system, size, allocation and
 * seals are checked before `mmap`, so that no later access can fault or be changed under us in ways
 * the protocol does not allow.
 *
 * @throws PortError PROTOCOL_ERROR naming the first thing that is wrong
 */
export function importRegion(native: NativeBinding, fd: number, ringBytes: number): Region {
  try {
    checkDescriptor(native, fd, ringBytes);
    const mapping = native.map(fd, REGION_HEADER_BYTES + ringBytes, 0);
    if (typeof mapping === 'number') throw regionError('mmap', mapping);
    const words = new Int32Array(mapping, 0, REGION_HEADER_BYTES / 4);
    if (
      Atomics.load(words, REGION_OFFSET.MAGIC / 4) !== REGION_MAGIC ||
      Atomics.load(words, REGION_OFFSET.LAYOUT_HASH / 4) !== (LAYOUT_HASH | 0) ||
      Atomics.load(words, REGION_OFFSET.RING_BYTES / 4) !== ringBytes
    ) {
      native.revoke(mapping);
      throw violation('its header does not say what the handshake said');
    }
    return { mapping, words, ringBytes };
  } finally {
    native.close(fd);
  }
}

function checkDescriptor(native: NativeBinding, fd: number, ringBytes: number): void {
  if (!isRingBytes(ringBytes)) throw violation(`ring is ${ringBytes} bytes`);
  const fields = new Float64Array(5);
  const inspected = native.inspect(fd, fields);
  if (inspected < 0) throw violation(`it cannot be inspected (${errnoName(inspected)})`);
  const [mode = 0, size = 0, allocated = 0, magic = 0, seals = -1] = fields;
  if ((mode & MODE_TYPE_MASK) !== MODE_REGULAR) throw violation('it is not a regular file');
  if (magic !== TMPFS_MAGIC) throw violation('it is not a memfd');
  if (seals < 0 || (seals & REGION_SEALS) !== REGION_SEALS) {
    throw violation(`its seals are ${seals}, wanted ${REGION_SEALS}`);
  }
  const wanted = REGION_HEADER_BYTES + ringBytes;
  if (size !== wanted) throw violation(`its size is ${size} bytes, wanted ${wanted} bytes`);
  if (allocated < size) throw violation(`only ${allocated} of its ${size} bytes are allocated`);
}

function checked(syscall: string, result: number): number {
  if (result < 0) throw regionError(syscall, result);
  return result;
}

function violation(text: string): PortError {
  return new PortError('PROTOCOL_ERROR', `Cannot import region: ${text}`, { executed: 'no' });
}

function regionError(syscall: string, result: number): PortError {
  return new PortError(
    'QUOTA_EXCEEDED',
    `Cannot create region: ${syscall} failed with ${errnoName(result)}`,
    { cause: systemError(syscall, result) },
  );
}
