/** A mapping of shared pages. Plain reads and writes only where the owner says so. */
export type Mapping = ArrayBuffer;

/** A descriptor watched by the event loop; opaque. */
export interface Watch {
  readonly __watch: never;
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
 * type throws TypeError. *Thread*: callable on any thread; none blocks. *Owner*: a returned
 * descriptor is the caller's to close.
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

  /** mmap(2), shared, not inherited by fork. Unmapped when collected. @returns mapping or −errno */
  map(fd: number, bytes: number, writable: 0 | 1): Mapping | number;
  /**
   * Maps private zero pages over a mapping; the shared memory is given back. @returns 0 or −errno
   */
  revoke(mapping: Mapping): number;

  /** socket, bind, chmod, listen. @returns descriptor or −errno */
  listen(path: string, mode: number, backlog: number): number;
  /** accept4(2). @returns descriptor or −errno; −EAGAIN when nobody waits */
  accept(fd: number): number;
  /** socket and connect(2), non-blocking. @returns descriptor or −errno; −EAGAIN: backlog full */
  connect(path: string): number;
  /** sendmsg(2), with one descriptor when `passFd` ≥ 0. @returns bytes sent or −errno */
  send(fd: number, bytes: Uint8Array, offset: number, length: number, passFd: number): number;
  /**
   * recvmsg(2). `descriptors[0]` gets the number of descriptors received (those that fit follow it,
   * the others are closed), or −1 when the kernel cut them off. @returns bytes, 0 at the end,
   * −errno
   */
  receive(fd: number, bytes: Uint8Array, descriptors: Int32Array): number;
  /** Sends the doorbell byte. @returns 1 or −errno; −EAGAIN means a wake-up is pending already */
  ringDoorbell(fd: number): number;
  /** shutdown(SHUT_RDWR). @returns 0 or −errno */
  shutdown(fd: number): number;

  /** SO_PEERCRED: fills {pid, uid, gid}. @returns 0 or −errno */
  peerCredentials(fd: number, out: Float64Array): number;
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

  /** flock(2) on a lock file. @returns descriptor that holds the lock, −EWOULDBLOCK, or −errno */
  lockFile(path: string): number;

  /** The protocol's numbers as the C side states them. */
  layout(): Readonly<Record<string, number>>;
}
