import { spawnSync } from 'node:child_process';

/** What some tests need of the kernel, and of this process's privileges. */
export type KernelFeature = 'user namespaces' | 'pid namespaces' | 'time namespaces';

/** The command that makes the namespace, with what follows run in it. */
const COMMANDS = {
  'user namespaces': ['unshare', '--user', '--map-root-user'],
  'pid namespaces': ['unshare', '--pid', '--fork', '--mount-proc', '--kill-child'],
  'time namespaces': ['unshare', '--time', '--monotonic', '1000000', '--fork', '--kill-child'],
} as const satisfies Record<KernelFeature, readonly [string, ...string[]]>;

/**
 * The command in front of a program that is to run in a namespace of its own.
 *
 * @returns `reason` instead, where this kernel or this user cannot have one
 */
export function kernelCan(
  feature: KernelFeature,
):
  | { readonly wrapper: readonly [string, ...string[]]; readonly reason?: undefined }
  | { readonly wrapper?: undefined; readonly reason: string } {
  const wrapper = COMMANDS[feature];
  const [command, ...words] = wrapper;
  const { error, status, stderr } = spawnSync(command, [...words, 'true'], { encoding: 'utf8' });
  if (error === undefined && status === 0) return { wrapper };
  const why = error === undefined ? stderr.trim() : error.message;
  return { reason: `${feature} are not to be had here (${why})` };
}
