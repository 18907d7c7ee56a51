import { fileURLToPath } from 'node:url';

/** Path of the compiled peer. */
export const PEER_PROGRAM: string = fileURLToPath(new URL('../dist/hostile-peer', import.meta.url));

/** Folder of its sources. */
export const PEER_SOURCES: string = fileURLToPath(new URL('../peer/', import.meta.url));
