import type { PortMessage } from '@portcall/port';

/** A handler, and the messages that came to it, in their order. */
export interface Kept {
  readonly held: PortMessage[];
  readonly onMessage: (message: PortMessage) => void;
}

/** A handler that answers nothing and keeps what it gets; whoever has the list answers. */
export function holding(): Kept {
  const held: PortMessage[] = [];
  return {
    held,
    onMessage: (message) => {
      if (message.isRequest) message.defer();
      void message.signal; // From now on it fires.
      held.push(message);
    },
  };
}
