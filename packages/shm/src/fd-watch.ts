import { WATCH_EVENT, systemError, type NativeBinding, type Watch } from '@portcall/native';

/** Called with the events that a watch saw. */
export type FdListener = (events: number) => void;

/**
 * One descriptor on this thread's event loop. It does not own the descriptor.
 *
 * The listener can be replaced: a socket changes hands when the handshake is through.
 */
export class FdWatch {
  /** Called with the events; replaceable at any time. */
  listener: FdListener;
  readonly #native: NativeBinding;
  readonly #watch: Watch;
  #closed = false;
  #events: number = WATCH_EVENT.READABLE;

  /** @throws SystemError when the event loop cannot watch it */
  constructor(native: NativeBinding, fd: number, listener: FdListener) {
    this.listener = listener;
    this.#native = native;
    const watch = native.watchOpen(fd, (status, events) => {
      // A failed poll is told to the listener as "readable": its read will say what is wrong. libuv
      // has stopped it (a reset by the peer comes as an error); it goes on, since there may be more
      // to read than the listener takes at once.
      if (status < 0) this.setEvents(this.#events);
      this.listener(status < 0 ? WATCH_EVENT.READABLE : events);
    });
    if (typeof watch === 'number') throw systemError('uv_poll_init', watch);
    this.#watch = watch;
    native.watchStart(watch, WATCH_EVENT.READABLE);
  }

  /** Which events to watch for; see `WATCH_EVENT`. */
  setEvents(events: number): void {
    this.#events = events;
    if (!this.#closed) this.#native.watchStart(this.#watch, events);
  }

  /** Whether it keeps the process alive; it does until told otherwise. */
  setRef(on: boolean): void {
    if (!this.#closed) this.#native.watchRef(this.#watch, on ? 1 : 0);
  }

  /** Ends watching; the descriptor may be closed right after. Safe to call twice. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#native.watchClose(this.#watch);
  }
}
