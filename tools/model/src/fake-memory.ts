/** One shared access a thread is about to do: `run` does it, all at once. */
export interface Access {
  readonly text: string;
  /** False while the thread must wait. */
  readonly isReady?: () => boolean;
  run(): unknown;
}

/** What a transformed method returns: it stops before each shared access. */
export type Steps = Generator<Access, unknown, unknown>;

interface Store {
  readonly mapping: FakeMapping;
  readonly at: number;
  readonly bytes: Uint8Array;
}

/** Memory two threads share; changed only by drained stores. */
export class FakeMapping {
  readonly bytes: Uint8Array;
  readonly name: string;
  constructor(name: string, length: number) {
    this.name = name;
    this.bytes = new Uint8Array(length);
  }
}

/** A thread's view of the memory: its own stores wait in a buffer, in order (TSO). */
export class StoreBuffer {
  readonly stores: Store[] = [];

  /** Puts a plain store in the buffer. */
  put(mapping: FakeMapping, at: number, bytes: Uint8Array): void {
    this.stores.push({ mapping, at, bytes: bytes.slice() });
  }

  /** Makes the oldest store visible. */
  drainOne(): void {
    const store = this.stores.shift();
    if (store !== undefined) store.mapping.bytes.set(store.bytes, store.at);
  }

  /** Makes all visible: what a sequentially consistent store does. */
  drain(): void {
    while (this.stores.length > 0) this.drainOne();
  }

  /** Reads memory as this thread sees it, its own waiting stores on top. */
  read(mapping: FakeMapping, at: number, length: number): Uint8Array {
    const out = mapping.bytes.slice(at, at + length);
    for (const store of this.stores) {
      if (store.mapping !== mapping) continue;
      for (const [index, byte] of store.bytes.entries()) {
        const to = store.at + index - at;
        if (to >= 0 && to < length) out[to] = byte;
      }
    }
    return out;
  }
}

function word(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value >>> 0, true);
  return bytes;
}

/** Number of four bytes, little-endian. */
function numberOf(bytes: Uint8Array): number {
  return new DataView(bytes.buffer).getUint32(0, true);
}

/** A window on shared memory, in place of Uint8Array, DataView and Int32Array. */
export class FakeView {
  readonly mapping: FakeMapping;
  readonly buffer: StoreBuffer;
  readonly offset: number;
  readonly length: number;

  constructor(mapping: FakeMapping, buffer: StoreBuffer, offset = 0, length?: number) {
    this.mapping = mapping;
    this.buffer = buffer;
    this.offset = offset;
    this.length = length ?? mapping.bytes.length - offset;
  }

  subarray(from: number, to: number): FakeView {
    return new FakeView(this.mapping, this.buffer, this.offset + from, to - from);
  }

  setUint32(at: number, value: number): void {
    this.buffer.put(this.mapping, this.offset + at, word(value));
  }

  *getUint32(at: number): Steps {
    return yield this.access('read', at, () =>
      numberOf(this.buffer.read(this.mapping, this.offset + at, 4)),
    );
  }

  /** Copies out, eight bytes at a time: another thread may run between two. */
  *copyTo(target: Uint8Array, to: number): Steps {
    for (let at = 0; at < this.length; at += 8) {
      const length = Math.min(8, this.length - at);
      const chunk = yield this.access('copy', at, () =>
        this.buffer.read(this.mapping, this.offset + at, length),
      );
      target.set(chunk as Uint8Array, to + at);
    }
    return undefined;
  }

  access(text: string, at: number, run: () => unknown): Access {
    return { text: `${text} ${this.mapping.name}+${this.offset + at}`, run };
  }
}

/** In place of Atomics: loads read through the buffer, stores drain it. */
export const FAKE_ATOMICS = {
  *load(view: FakeView, index: number): Steps {
    const at = view.offset + index * 4;
    return yield view.access('load', index * 4, () =>
      numberOf(view.buffer.read(view.mapping, at, 4)),
    );
  },
  *store(view: FakeView, index: number, value: number): Steps {
    const store = view.access(`store ${value >>> 0}`, index * 4, () => {
      view.setUint32(index * 4, value);
      view.buffer.drain();
    });
    return yield store;
  },
};

/** In place of Atomics in a planted bug: a store that stays in the buffer for a while. */
export const PLAIN = {
  store(view: FakeView, index: number, value: number): void {
    view.setUint32(index * 4, value);
  },
};
