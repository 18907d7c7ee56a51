import { isPortError } from '@portcall/port';

/** What a child program can be asked to do: each takes one argument and may answer later. */
export type Commands = Readonly<Record<string, (argument: never) => unknown>>;

/** From the test to its child. */
export interface CommandMessage {
  readonly id: number;
  readonly name: string;
  readonly argument: unknown;
}

/** From the child to its test: that it is ready, or the answer to one command. */
export type AnswerMessage =
  | { readonly kind: 'ready' }
  | { readonly kind: 'value'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'error'; readonly id: number; readonly error: PlainError };

/** An error that crosses a process boundary. */
export interface PlainError {
  readonly name: string;
  readonly message: string;
  readonly code: string | undefined;
  readonly executed: string | undefined;
  readonly sent: boolean | undefined;
}

/** What of an error crosses a process boundary. */
export function plainError(error: unknown): PlainError {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  if (!isPortError(error)) {
    return { name, message, code: undefined, executed: undefined, sent: undefined };
  }
  const { code, executed, sent } = error;
  return { name, message, code, executed, sent };
}

/** Turns this process into a program that obeys its test, and ends with it. */
export function runCommands(commands: Commands): void {
  const answer = (message: AnswerMessage): void => void process.send?.(message);
  process.on('message', (message: CommandMessage) => {
    void obey(commands, message).then(answer);
  });
  process.once('disconnect', () => process.exit(0));
  answer({ kind: 'ready' });
}

async function obey(commands: Commands, message: CommandMessage): Promise<AnswerMessage> {
  const { id, name, argument } = message;
  try {
    const command = commands[name];
    if (command === undefined) throw new Error(`There is no command ${name}`);
    return { kind: 'value', id, value: await command(argument as never) };
  } catch (error) {
    return { kind: 'error', id, error: plainError(error) };
  }
}
