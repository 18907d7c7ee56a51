/** A mapping of shared pages. Plain reads and writes only where the owner says so. */
export type Mapping = ArrayBuffer;

/** A descriptor watched by the event loop; opaque. */
export interface Watch {
  readonly __watch: never;
}

/** A callback before the event loop blocks; opaque. */
export interface Prepare {
  readonly __prepare: never;
}

/** Events of a watch, to be added up. */
export const WATCH_EVENT = { READABLE: 1, WRITABLE: 2, DISCONNECT: 4 } as const;

/** Seals of a memfd, to be added up. Source: `fcntl(2)`, F_ADD_SEALS. */
export const SEAL = { SEAL: 1, SHRINK: 2, GROW: 4, WRITE: 8, FUTURE_WRITE: 16 } as const;

/** File system magic of tmpfs, where every memfd lives. Source: `statfs(2)`. */
export const TMPFS_MAGIC = 0x01021994;

/**
 * The addon's functions: system calls and nothing else.
 *
 * *Errors*: a number below zero is −errno, as the man page of the call lists them; a wrong argument
 * type throws TypeError. *Thread*: callable on any thread; none blocks but `wait`. *Owner*: a
 * returned descriptor is the caller's to close.
 */
export interface NativeBinding {
  /** memfd_create(2) with all pages allocated, mode 0600, no exec. @returns descriptor or −errno */
  memfdCreate(name: string, bytes: number): number;
  /** fcntl(F_ADD_SEALS). @returns 0 or −errno */
  addSeals(fd: number, seals: number): number;
  /** Fills {mode, size, allocated bytes, file system magic, seals or −1}. @returns 0 or −errno */
  inspect(fd: number, out: Float64Array): number;
  /** pread(2) into `bytes[offset …]`. @returns bytes moved, 0 at the end, or −errno */
  readAt(fd: number, bytes: Uint8Array, offset: number, length: number, position: number): number;
  /** pwrite(2) from `bytes[offset …]`. @returns bytes moved or −errno */
  writeAt(fd: number, bytes: Uint8Array, offset: number, length: number, position: number): number;
  /** close(2). @returns 0 or −errno */
  close(fd: number): number;
  /**
   * Somebody else closes this descriptor from now on. All others that came from here are closed
   * when their environment (a worker thread, the process) ends.
   */
  disown(fd: number): number;
  /**
   * Takes a descriptor in that did not come from here (or was disowned, maybe by another thread):
   * it is closed with this environment. @returns 0 or −errno
   */
  adopt(fd: number): number;

  /**
   * mmap(2), not inherited by fork. Unmapped when collected.
   *
   * @param mode 0 shared to read, 1 shared to read and write, 2 private copy-on-write
   * @returns mapping or −errno
   */
  map(fd: number, bytes: number, mode: 0 | 1 | 2): Mapping | number;
  /**
   * Zeros, in huge pages where the system has them: filling it takes one page fault in 2 MiB.
   * Given back when collected. @returns ArrayBuffer or −errno
   */
  allocate(bytes: number): ArrayBuffer | number;
  /**
   * Maps private zero pages over what `map` or `allocate` made; its memory is given back.
   *
   * @returns 0 or −errno
   */
  revoke(mapping: Mapping): number;

  /**
   * socket, bind, chmod, listen. An address that begins with NUL is abstract: no file, no mode.
   *
   * @returns descriptor or −errno
   */
  listen(address: string, mode: number, backlog: number): number;
  /** accept4(2). @returns descriptor or −errno; −EAGAIN when nobody waits */
  accept(fd: number): number;
  /**
   * socket and connect(2), non-blocking.
   *
   * @param vouched 1 to have the kernel attach credentials to all that comes (SO_PASSCRED)
   * @returns descriptor or −errno; −EAGAIN: backlog full
   */
  connect(address: string, vouched: 0 | 1): number;
  /** SO_PASSCRED: whether credentials come with what is received. @returns 0 or −errno */
  passCredentials(fd: number, on: 0 | 1): number;
  /** sendmsg(2), with one descriptor when `passFd` ≥ 0. @returns bytes sent or −errno */
  send(fd: number, bytes: Uint8Array, offset: number, length: number, passFd: number): number;
  /**
   * recvmsg(2). `descriptors[0]` gets the number of descriptors received (those that fit follow it,
   * the others are closed), or −1 when the kernel cut them off. @returns bytes, 0 at the end,
   * −errno
   */
  receive(fd: number, bytes: Uint8Array, descriptors: Int32Array): number;
  /**
   * As `send`, with all descriptors of the array (at most 4) and, when `vouched`, with this
   * process's pid and effective ids, which the kernel checks.
   */
  sendWith(
    fd: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
    descriptors: Int32Array,
    vouched: 0 | 1,
  ): number;
  /**
   * As `receive`, and fills {pid, uid, gid} of who sent these bytes: pid −1 when no credentials
   * came, 0 when the kernel had none. A read never spans bytes of two senders.
   */
  receiveWith(
    fd: number,
    bytes: Uint8Array,
    descriptors: Int32Array,
    credentials: Float64Array,
  ): number;
  /** Sends the doorbell byte. @returns 1 or −errno; −EAGAIN means a wake-up is pending already */
  ringDoorbell(fd: number): number;
  /** shutdown(SHUT_RDWR). @returns 0 or −errno */
  shutdown(fd: number): number;
  /**
   * poll(2). Blocks this thread, its event loop and `worker.terminate()` with it, until `fd` has
   * one of the events (1 readable, 2 writable; a hang-up counts as both), the process of `pidfd`
   * (if ≥ 0) has ended, or the time is over. Signals do not end it.
   *
   * @returns sum of 1 (`fd`) and 2 (`pidfd`), 0 when the time is over, or −errno
   */
  wait(fd: number, events: number, pidfd: number, timeoutMs: number): number;

  /** SO_PEERCRED: fills {pid, uid, gid}. @returns 0 or −errno */
  peerCredentials(fd: number, out: Float64Array): number;
  /** SO_PEERGROUPS. @returns number of groups or −errno; −ERANGE when they do not fit */
  peerGroups(fd: number, out: Uint32Array): number;
  /** pidfd_open(2): whoever has this number now. @returns descriptor or −errno */
  pidfdOpen(pid: number): number;
  /** SO_PEERPIDFD, or pidfd_open before Linux 6.5. @returns descriptor or −errno */
  peerPidfd(fd: number): number;
  /** readlink(/proc/pid/exe). @returns length of the path or −errno */
  processImage(pid: number, out: Uint8Array): number;
  /** Reads /proc/pid/stat. @returns length of the text or −errno */
  processStat(pid: number, out: Uint8Array): number;
  /** poll(2) on a pidfd. @returns 1 when the process has ended, 0 while it lives, or −errno */
  processEnded(pidfd: number): number;

  /** uv_poll on a descriptor; watches nothing before `watchStart`. @returns watch or −errno */
  watchOpen(fd: number, callback: (status: number, events: number) => void): Watch | number;
  /** Watches for these {@link WATCH_EVENT}s; 0 for none. @returns 0 or −errno */
  watchStart(watch: Watch, events: number): number;
  /** Whether the watch keeps the event loop alive. */
  watchRef(watch: Watch, on: 0 | 1): number;
  /** Ends the watch: no callback after this, and the descriptor may be closed at once. */
  watchClose(watch: Watch): number;

  /**
   * uv_prepare: each time before the event loop polls, once started, `look` is called, and as long
   * as it returns true, `run` and then `look` again. It never keeps the loop alive.
   *
   * @param look gets whether the loop is likely to block now (false means only that libuv's
   * `uv_backend_timeout` is 0), and how often it was called this time. A plain call: neither ticks
   * nor microtasks run behind it
   * @param run a callback like any other: ticks and microtasks run behind it
   * @returns handle, not started, or −errno
   */
  prepareOpen(
    look: (mayBlock: boolean, round: number) => boolean,
    run: () => void,
  ): Prepare | number;
  /** Starts or stops it. @returns 0 or −errno */
  prepareStart(prepare: Prepare, on: 0 | 1): number;

  /** flock(2) on a lock file. @returns descriptor that holds the lock, −EWOULDBLOCK, or −errno */
  lockFile(path: string): number;

  /** The protocol's numbers as the C side states them. */
  layout(): Readonly<Record<string, number>>;
}
