export { loadNative, type LoadedNative } from './load.js';
export {
  SEAL,
  TMPFS_MAGIC,
  WATCH_EVENT,
  type Mapping,
  type NativeBinding,
  type Prepare,
  type Watch,
} from './binding.js';
export { errnoName, systemError, type SystemError } from './system-error.js';
