import type { AccessRight } from './access.js';

/** What the parent process has Winlogon do. */
export type Step =
  | { readonly do: 'logOn'; readonly user: string; readonly timeoutMs: number }
  | { readonly do: 'logOff' }
  /** Through the authority. */
  | { readonly do: 'open'; readonly object: string; readonly right: AccessRight }
  /** Asks the monitor itself, twice; then with another group of this process. */
  | { readonly do: 'changeGroup'; readonly gid: number }
  /** Pretends to the monitor to act for root. */
  | { readonly do: 'forge' }
  /** Has the monitor write the audit log into a file that Winlogon opens. */
  | { readonly do: 'export'; readonly path: string };

/** What came of a step. */
export interface StepResult {
  /** 'allowed', 'denied', or the code of an error. */
  readonly outcome: string;
  readonly detail: string;
}

/** From the parent process: the next step, or what the user types or holds to the card reader. */
export type ToWinlogon =
  | { readonly kind: 'run'; readonly step: Step }
  | { readonly kind: 'answer'; readonly text: string };

/** To the parent process. */
export type FromWinlogon =
  | { readonly kind: 'ready' }
  | { readonly kind: 'done'; readonly result: StepResult }
  | { readonly kind: 'prompt'; readonly prompt: Prompt };

/** A dialog on the screen. */
export interface Prompt {
  readonly ask: 'password' | 'card';
  /** Base64; for a card. */
  readonly challenge: string;
}
