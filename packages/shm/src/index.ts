export { createShmTransport, type ShmAvailability } from './shm-transport.js';
