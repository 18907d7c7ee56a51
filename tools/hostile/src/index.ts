export { HostilePeer, type PeerReport } from './hostile-peer.js';
