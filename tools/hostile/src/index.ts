export { HostilePeer, type PeerReport } from './hostile-peer.js';
export { LineProcess, type LineListener } from './line-process.js';
export { PEER_SOURCES } from './peer-program.js';
