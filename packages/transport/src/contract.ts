/** Namespaces of a process, by inode number; a field is `undefined` where we may not see it. */
export interface PeerNamespaces {
  readonly pid: number | undefined;
  readonly mnt: number | undefined;
  readonly user: number | undefined;
}

/** What the kernel said of the process at the other end. */
export interface PeerIdentity {
  /** Process id in our pid namespace. For display: it may have been reused since. */
  readonly pid: number;
  /** Effective user id. */
  readonly uid: number;
  /** Effective group id. */
  readonly gid: number;
  /** Supplementary groups; `undefined` where the kernel does not say. */
  readonly groups: readonly number[] | undefined;
  /** Clock ticks between boot and the start of the process; together with pid it is unique. */
  readonly startTime: number | undefined;
  /** Path of the executable, `undefined` where the kernel does not let us see it. */
  readonly exe: string | undefined;
  /** Its namespaces; `undefined` where the kernel does not let us see any. */
  readonly namespaces: PeerNamespaces | undefined;
  /** `'connect'`: taken when the connection was made. `'message'`: it came with a message. */
  readonly source: 'connect' | 'message';
}

/** Credentials that the kernel vouched for when a message was sent. */
export interface MessageCredentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

/** What a transport can do; the only differences between transports that users may see. */
export interface TransportCapabilities {
  /** The peer's identity is stated by the kernel. */
  readonly identity: boolean;
  /** Descriptors can travel with messages. */
  readonly descriptors: boolean;
  /** Large messages travel by shared memory. */
  readonly sections: boolean;
  /**
   * The server can reach ranges of the client's own memory: `true` by itself, `'emulated'` when the
   * client's side copies them for it.
   */
  readonly direct: boolean | 'emulated';
  /** A sleeping peer is woken by a doorbell, and a waking one costs no system call. */
  readonly doorbell: boolean;
  /** Dedicated ring and thread per connection. */
  readonly quick: boolean;
  /** A thread can wait for a reply without its event loop: `requestSync`. */
  readonly synchronous: boolean;
}

/** Why a link ended. */
export type LinkEnd =
  /** This side called `close()`. */
  | { readonly kind: 'local' }
  /** The peer closed its end or died; all it sent before was delivered. */
  | { readonly kind: 'ended' }
  /** The peer broke the protocol; `text` says how, for the log. */
  | { readonly kind: 'violation'; readonly text: string };

/** Room for one record body in memory that only this process writes. */
export interface RecordClaim {
  /** Whole buffer; the claim is `bytes[offset … limit)`. */
  readonly bytes: Uint8Array;
  /** The same buffer. */
  readonly view: DataView;
  /** First byte of the body, 8-byte aligned. */
  readonly offset: number;
  /** End of the claim: at least the asked-for bytes after `offset`, often more. */
  readonly limit: number;
}

/** Points at data in a section. */
export interface SectionReference {
  /** Number of the section on its connection and direction. */
  readonly sectionId: number;
  /** Bytes of data, from the section's start. */
  readonly lengthBytes: number;
}

/** Large data through shared memory, next to the records. */
export interface SectionSpace {
  /** Largest section in bytes. */
  readonly sectionBytesMax: number;
  /**
   * Copies the parts into a section and hands it to the peer.
   *
   * @returns `undefined` when too much is in flight; `onWritable` tells when to try again.
   * @throws PortError QUOTA_EXCEEDED when the kernel gives no memory or no descriptor
   */
  tryPlace(parts: readonly Uint8Array[], totalBytes: number): SectionReference | undefined;
  /**
   * Copies the data out of a section of the peer, into private memory that the caller owns.
   *
   * @throws PortError PROTOCOL_ERROR when the section is not what a section must be
   */
  take(reference: SectionReference): Uint8Array;
  /**
   * Gives back what `take` returned, before a garbage collection does: it reads zeros from then on,
   * safely even while another thread uses it. Large memory goes back to the system at once.
   */
  giveBack(bytes: Uint8Array): void;
}

/**
 * What belongs to a message but cannot be put into it: announced first, then named by the message.
 *
 * The record that is committed next must be the message that names it: `tryClaim`, then
 * `tryPlace…`, then `commit`. What was placed for a message that is never sent stays at the peer to
 * the end.
 *
 * Each `take…` may be called once for each id, while the message that names it is being delivered.
 */
export interface CompanionSpace {
  /**
   * Hands copies of 1 to 4 descriptors to the peer; they stay the caller's.
   *
   * @returns id for the message, or `undefined` when there is no room; `onWritable` tells when
   * @throws TypeError for what is not open, RangeError for another number of them; PortError
   * QUOTA_EXCEEDED when the kernel has too many on their way
   */
  tryPlaceHandles(fds: readonly number[]): number | undefined;
  /**
   * The descriptors of a batch; the caller's to close. They belong to this thread's environment,
   * which closes them when it ends.
   *
   * @throws PortError PROTOCOL_ERROR when there is no such batch
   */
  takeHandles(batchId: number): readonly number[];
  /** Has the kernel vouch for this process as it is now. As `tryPlaceHandles`. */
  tryPlaceCredentials(): number | undefined;
  /** What the kernel vouched for. @throws PortError PROTOCOL_ERROR */
  takeCredentials(credentialsId: number): MessageCredentials;
}

/** What a link calls. Calls never nest: none is made from inside another. */
export interface LinkHandler {
  /**
   * A record arrived: `bytes[offset … offset + lengthBytes)`, private memory, valid only until the
   * call returns. It may throw a PortError PROTOCOL_ERROR: the link ends as by a violation.
   */
  onRecord(bytes: Uint8Array, view: DataView, offset: number, lengthBytes: number): void;
  /** After `tryClaim` or `tryPlace` had returned `undefined`: there is room again. */
  onWritable(): void;
  /**
   * The other end waits, in this very thread: what would be done in a later turn is to be done now.
   * Only from transports within one process.
   */
  runNow?(): void;
  /** The last call of all, exactly once. */
  onEnd(end: LinkEnd): void;
}

/** What the peer may send from now on. */
export interface LinkLimits {
  /** Bounds the peer's records where the medium does not. */
  readonly recordBytesMax: number;
  /** Whether it may pass descriptors (`takeHandles`). Default no: then it breaks the protocol. */
  readonly takesHandles?: boolean | undefined;
  /** Bytes of sections in flight each way that both sides agreed on. Default: this side's own. */
  readonly maxTotalSectionSize?: number | undefined;
}

/**
 * A connection that carries records both ways, in order, without loss until it ends.
 *
 * *Thread*: one thread uses it. *Owner*: whoever got it must `close()` it.
 */
export interface Link {
  /** The process at the other end; `undefined` where the kernel does not say. */
  readonly peer: PeerIdentity | undefined;
  /** What this link can do. */
  readonly capabilities: TransportCapabilities;
  /** Name of the transport that really carries it. */
  readonly transportName: string;
  /** Largest record body that `tryClaim` can ever give. */
  readonly recordBytesMax: number;
  /** Where large data goes; `undefined` where everything goes through records. */
  readonly sections: SectionSpace | undefined;
  /** Where descriptors and credentials go; `undefined` where they cannot. */
  readonly companions: CompanionSpace | undefined;
  /** Begins delivery. */
  start(handler: LinkHandler, limits: LinkLimits): void;
  /**
   * Room for a body of at least `minBytes`, or `undefined` when there is none now. One claim at a
   * time; the same object is returned again and again.
   *
   * @throws RangeError when `minBytes` is over `recordBytesMax`
   */
  tryClaim(minBytes: number): RecordClaim | undefined;
  /** Sends the first `lengthBytes` of the claim. The peer is woken at the end of this turn. */
  commit(lengthBytes: number): void;
  /** Gives the claim back unused. */
  abort(): void;
  /** Wakes the peer now instead of at the end of this turn. */
  flush(): void;
  /** Delivers what has arrived, now. */
  drain(): void;
  /**
   * Sends what is committed, then blocks this thread until something may have arrived, the peer may
   * have gone, or some of the time has passed; `drain()` and `hasEnded` then tell. Only where
   * `capabilities.synchronous`.
   *
   * It may return early, at the latest after 100 ms, so that a worker can still be terminated: the
   * caller comes again.
   *
   * @returns false when nothing that has not arrived yet can come without the event loop
   * @throws TypeError from inside `onRecord` of this link, or where waiting is not supported
   */
  wait(timeoutMs: number): boolean;
  /**
   * Whether it has ended. `onEnd` is told in a later turn; a thread that waits without turns asks
   * here after `drain()`, and gets no more records once it is true.
   */
  readonly hasEnded: boolean;
  /** Whether the peer's process is certainly alive; `undefined` where nobody can tell. */
  isPeerAlive(): boolean | undefined;
  /** Position after the last committed record, for `wasConsumed`. */
  mark(): number;
  /** False only when the peer certainly never read the record that ended at `mark`. */
  wasConsumed(mark: number): boolean;
  /** Whether an open link keeps the process alive. */
  setRef(on: boolean): void;
  /**
   * Sends what is committed, then ends. `onEnd` follows with `'local'`. Safe to call twice.
   *
   * @param peerIsDone the peer will send nothing more: it need not hang up first
   */
  close(peerIsDone?: boolean): void;
}

/** A connection on the client's side before the server has decided. */
export interface OutgoingLink {
  /** The server's process as the kernel knows it, before anything was sent to it. */
  readonly peer: PeerIdentity | undefined;
  /**
   * Sends the connect request and waits for the decision. Once.
   *
   * @param features sum of `FEATURE` bits beyond those of the transport itself
   */
  request(payload: Uint8Array, features?: number): Promise<LinkDecision>;
  /** Gives up. A waiting `request` rejects with DISCONNECTED. */
  close(): void;
}

/** The server's decision: its payload, and the link when it accepted. */
export interface LinkDecision {
  readonly payload: Uint8Array;
  readonly link: Link | undefined;
  /** `FEATURE` bits of the answer. */
  readonly features: number;
  /**
   * Who answered, by the credentials that the kernel attached to the answer: not always the process
   * that called `listen`. `undefined` where the kernel does not say.
   */
  readonly acceptor: PeerIdentity | undefined;
}

/** A connection on the server's side before it has decided. */
export interface IncomingLink {
  readonly peer: PeerIdentity | undefined;
  /** Payload of the connect request, private memory. */
  readonly payload: Uint8Array;
  /** `FEATURE` bits of the request. */
  readonly features: number;
  /**
   * Accepts. When it throws QUOTA_EXCEEDED nothing was sent, and `reject` may still be called.
   *
   * @param features sum of `FEATURE` bits beyond those of the transport itself
   * @throws PortError DISCONNECTED when the client has gone, QUOTA_EXCEEDED
   */
  accept(payload: Uint8Array, features?: number): Link;
  /** Refuses and ends the connection. Without effect when the client has gone. */
  reject(payload: Uint8Array): void;
  /**
   * Gives the undecided client up to another thread of this process, which takes it with
   * `Transport.attach`. Only where the transport can, and the client asked for a fast connection.
   *
   * @returns `undefined` when that is not so, or the client has gone
   */
  detach?(): DetachedIncoming | undefined;
  /**
   * Called at most once, when there can be no decision any more: the client went away or spoke out
   * of turn, `handshakeTimeoutMs` is over, or the listener ended.
   */
  onGone: (() => void) | undefined;
}

/**
 * A client that waits for the decision, as it goes from thread to thread: plain values.
 *
 * *Owner*: whoever got it; the descriptors must be attached or closed.
 */
export interface DetachedIncoming {
  /** The connected socket. */
  readonly fd: number;
  /** The client's region. */
  readonly passedFd: number;
  readonly features: number;
  readonly layoutHash: number;
  readonly regionBytes: number;
  readonly payload: Uint8Array;
}

/** Sizes of what one connection may carry by section, both ways. */
export interface SectionLimits {
  /** Bytes of one section. */
  readonly maxSectionSize: number;
  /** Bytes of all sections in flight in one direction. */
  readonly maxTotalSectionSize: number;
}

/** What both `listen` and `connect` take. */
export interface LinkOptions extends SectionLimits {
  /** Bytes of the outgoing ring, where the transport has one; a power of two. */
  readonly ringBytes: number;
  /** How long the handshake may take. */
  readonly handshakeTimeoutMs: number;
  /** Whether a side that has run dry may stay awake for a moment, where the transport can. */
  readonly spin: boolean;
}

/** What `listen` takes. */
export interface ListenOptions extends LinkOptions {
  /** Permission bits of the socket. */
  readonly mode: number;
  /** Sockets of one user (or of nobody known) that may be in the handshake at once. */
  readonly pendingConnectsMax: number;
  /**
   * Whether clients may have the kernel vouch for them with a message (`takeCredentials`). Default
   * no: then a client that does breaks the protocol.
   */
  readonly wantsCredentials?: boolean | undefined;
  /** What a client is told, as by `reject`, when there are more, or descriptors run out. */
  readonly busyPayload: Uint8Array;
  /** A client sent a well-formed connect request. */
  readonly onIncoming: (incoming: IncomingLink) => void;
}

/** A listening endpoint. `close()` ends listening, not the links made. */
export interface Listener {
  /**
   * Ends listening. Clients without a decision are told `busyPayload` where the transport can,
   * those in the queue too: they ask again, and find whoever has the name then.
   */
  close(): Promise<void>;
}

/** A lock that dies with the process. */
export interface FileLock {
  release(): void;
}

/** A way to make links. */
export interface Transport {
  readonly name: string;
  readonly capabilities: TransportCapabilities;
  /** Listens at an address that does not exist yet. @throws PortError */
  listen(address: string, options: ListenOptions): Promise<Listener>;
  /** Reaches a listener. @throws PortError PORT_NOT_FOUND, ACCESS_DENIED, SERVER_BUSY, TIMEOUT */
  connect(address: string, options: LinkOptions): Promise<OutgoingLink>;
  /**
   * Takes over a client that another thread of this process has detached.
   *
   * @throws SystemError when this thread's event loop cannot watch it; it is closed then
   */
  attach?(
    detached: DetachedIncoming,
    options: Omit<ListenOptions, 'onIncoming' | 'mode' | 'pendingConnectsMax' | 'busyPayload'>,
  ): IncomingLink;
  /** Takes the lock, or returns `undefined` when a live process has it. @throws system errors */
  tryLock(path: string): FileLock | undefined;
}
