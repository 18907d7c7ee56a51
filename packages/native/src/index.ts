export { loadNative, type LoadedNative } from './load.js';
export {
  SEAL,
  TMPFS_MAGIC,
  WATCH_EVENT,
  type Mapping,
  type NativeBinding,
  type Watch,
} from './binding.js';
export { errnoName, systemError, type SystemError } from './system-error.js';
