export { HostilePeer, type PeerReport } from './hostile-peer.js';
export { PEER_SOURCES } from './peer-program.js';
