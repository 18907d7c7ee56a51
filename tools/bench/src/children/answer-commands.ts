import { createInterface } from 'node:readline';

/** Carries out a command of the parent. What it throws reaches the parent as text. */
export type CommandHandler = (command: unknown) => unknown;

/** The line that says that a child can take commands. */
export const READY_LINE = 'ready';

/**
 * Says on standard output that this process is ready, then answers commands, each one line of JSON
 * on standard input, with one line of JSON each: `{"result": …}` or `{"error": "…"}`.
 *
 * @returns when standard input ends, as it also does when the parent is gone
 */
export async function answerCommands(handle: CommandHandler): Promise<void> {
  process.stdout.write(`${READY_LINE}\n`);
  for await (const line of createInterface({ input: process.stdin })) {
    process.stdout.write(`${JSON.stringify(await outcomeOf(handle, line))}\n`);
  }
}

async function outcomeOf(handle: CommandHandler, line: string): Promise<object> {
  try {
    return { result: await handle(JSON.parse(line)) };
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}
