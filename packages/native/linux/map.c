/* mmap(2) of a region as an ArrayBuffer, and taking it back by mapping zero pages over it. */
#include "pc.h"

#include <sys/mman.h>

/* Marks the ArrayBuffers that this file made, so that revoke() accepts no others. */
static const napi_type_tag mapping_tag = {0x706f727463616c6cULL, 0x6d617070696e6731ULL};

/* Runs when the ArrayBuffer is collected, or its environment ends: nobody can touch it any more. */
static void unmap(napi_env env, void *data, void *hint) {
  (void)env;
  munmap(data, (size_t)(uintptr_t)hint);
}

/* map(fd, bytes, writable): an ArrayBuffer over the shared pages, or -errno. */
static napi_value map_region(napi_env env, napi_callback_info info) {
  pc_args args;
  int32_t fd, writable;
  size_t bytes;
  if (!pc_get_args(env, info, 3, &args) || !pc_get_int(&args, 0, &fd) ||
      !pc_get_size(&args, 1, &bytes) || !pc_get_int(&args, 2, &writable))
    return NULL;
  int protection = writable ? PROT_READ | PROT_WRITE : PROT_READ;
  void *address = mmap(NULL, bytes, protection, MAP_SHARED, fd, 0);
  if (address == MAP_FAILED) return pc_result(env, -1);
  /* A forked child must neither keep the peer's memory alive nor show it in a core file. */
  madvise(address, bytes, MADV_DONTFORK);
  madvise(address, bytes, MADV_DONTDUMP);
  napi_value buffer;
  if (napi_create_external_arraybuffer(env, address, bytes, unmap, (void *)(uintptr_t)bytes,
                                       &buffer) != napi_ok) {
    munmap(address, bytes);
    errno = ENOTSUP;
    return pc_result(env, -1);
  }
  napi_type_tag_object(env, buffer, &mapping_tag);
  return buffer;
}

/*
 * revoke(buffer): private zero pages now stand where the shared ones were: the memory goes back to
 * the system at once, and whoever still reads the buffer reads zeros. 0 or -errno.
 */
static napi_value revoke_region(napi_env env, napi_callback_info info) {
  pc_args args;
  bool ours = false;
  void *data;
  size_t bytes;
  if (!pc_get_args(env, info, 1, &args)) return NULL;
  if (napi_check_object_type_tag(env, args.values[0], &mapping_tag, &ours) != napi_ok || !ours ||
      napi_get_arraybuffer_info(env, args.values[0], &data, &bytes) != napi_ok) {
    napi_throw_type_error(env, NULL, "Cannot revoke: wanted an ArrayBuffer made by map()");
    return NULL;
  }
  void *address = mmap(data, bytes, PROT_READ | PROT_WRITE,
                       MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return pc_result(env, address == MAP_FAILED ? -1 : 0);
}

bool pc_define_map(napi_env env, napi_value exports) {
  static const pc_function functions[] = {{"map", map_region}, {"revoke", revoke_region}};
  return pc_define(env, exports, functions, sizeof functions / sizeof functions[0]);
}
