import { parseArgs } from 'node:util';

/** What a run of the torture does. */
export interface TortureOptions {
  /** Processes killed while calls are under way; servers and clients take turns. */
  readonly kills: number;
  /** Servers that reply and kill themselves in the same turn. */
  readonly rounds: number;
  /**
   * Every how many-th instruction of the C publish is one behind which a client is killed; 1 for
   * all of them, 0 for none.
   */
  readonly steps: number;
  /** C clients that are killed at random moments of their connection, against one server. */
  readonly cycles: number;
  /** Node clients that are killed, every third of them with a heap of 400 MiB. */
  readonly nodeCycles: number;
  /**
   * Every how many-th system call of connect, calls and close is one at whose entry a Node process
   * is killed: first clients, then servers. 1 for all of them, 0 for none.
   */
  readonly systemCalls: number;
  /** Rounds: both sides killed at once, a zombie, a client stopped within or beyond its lease. */
  readonly oddDeaths: number;
  readonly transport: 'shm' | 'socket';
  /** All that is random comes from it: the same seed draws the same moments. */
  readonly seed: number;
}

/** Reads the arguments. @throws TypeError, RangeError */
export function parseTortureOptions(args: readonly string[]): TortureOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      kills: { type: 'string', default: '300' },
      rounds: { type: 'string', default: '200' },
      steps: { type: 'string', default: '0' },
      cycles: { type: 'string', default: '0' },
      'node-cycles': { type: 'string', default: '0' },
      'system-calls': { type: 'string', default: '0' },
      'odd-deaths': { type: 'string', default: '0' },
      transport: { type: 'string', default: 'shm' },
      seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    },
  });
  const { transport } = values;
  if (transport !== 'shm' && transport !== 'socket') {
    throw new RangeError(`Cannot torture: transport is "${transport}", wanted shm or socket`);
  }
  return {
    kills: countOf('kills', values.kills),
    rounds: countOf('rounds', values.rounds),
    steps: countOf('steps', values.steps),
    cycles: countOf('cycles', values.cycles),
    nodeCycles: countOf('node-cycles', values['node-cycles']),
    systemCalls: countOf('system-calls', values['system-calls']),
    oddDeaths: countOf('odd-deaths', values['odd-deaths']),
    transport,
    seed: countOf('seed', values.seed),
  };
}

function countOf(name: string, text: string): number {
  const count = Number(text);
  if (Number.isSafeInteger(count) && count >= 0) return count;
  throw new RangeError(`Cannot torture: ${name} is "${text}", wanted a whole number from 0`);
}
