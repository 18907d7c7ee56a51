import type { Prompt } from './winlogon-messages.js';

/** Where the user answers: in this example the parent process, which plays the user. */
export class Keyboard {
  readonly #show: (prompt: Prompt) => void;
  #onAnswer: ((text: string) => void) | undefined;

  /** @param show puts a dialog on the screen */
  constructor(show: (prompt: Prompt) => void) {
    this.#show = show;
  }

  /** The user has answered. */
  typed(text: string): void {
    this.#onAnswer?.(text);
    this.#onAnswer = undefined;
  }

  /** Shows a dialog. @returns what the user answers; `undefined` when it was closed before that */
  ask(prompt: Prompt, signal: AbortSignal): Promise<string | undefined> {
    return new Promise((resolve) => {
      const onAbort = (): void => {
        this.#onAnswer = undefined;
        resolve(undefined);
      };
      signal.addEventListener('abort', onAbort, { once: true });
      this.#onAnswer = (text) => {
        signal.removeEventListener('abort', onAbort);
        resolve(text);
      };
      this.#show(prompt);
    });
  }
}
