/* mmap(2) of a region as an ArrayBuffer, and taking it back by mapping zero pages over it. */
#include "pc.h"

#include <sys/mman.h>

/* Marks the ArrayBuffers that this file made, so that revoke() accepts no others. */
static const napi_type_tag mapping_tag = {0x706f727463616c6cULL, 0x6d617070696e6731ULL};
static const napi_type_tag allocation_tag = {0x706f727463616c6cULL, 0x616c6c6f63617465ULL};

/* Runs when the ArrayBuffer is collected, or its environment ends: nobody can touch it any more. */
static void unmap(napi_env env, void *data, void *hint) {
  (void)env;
  munmap(data, (size_t)(uintptr_t)hint);
}

/* Modes of map(): shared to read, shared to read and write, private copy-on-write. */
enum { MAP_MODE_READ, MAP_MODE_WRITE, MAP_MODE_PRIVATE };

/* map(fd, bytes, mode): an ArrayBuffer over the file's pages, or -errno. */
static napi_value map_region(napi_env env, napi_callback_info info) {
  pc_args args;
  int32_t fd, mode;
  size_t bytes;
  if (!pc_get_args(env, info, 3, &args) || !pc_get_int(&args, 0, &fd) ||
      !pc_get_size(&args, 1, &bytes) || !pc_get_int(&args, 2, &mode))
    return NULL;
  int protection = mode == MAP_MODE_READ ? PROT_READ : PROT_READ | PROT_WRITE;
  int flags = mode == MAP_MODE_PRIVATE ? MAP_PRIVATE | MAP_NORESERVE : MAP_SHARED;
  void *address = mmap(NULL, bytes, protection, flags, fd, 0);
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

#define HUGE_PAGE_BYTES ((size_t)2 << 20)
/* A rest of this length is worth a huge page of its own: one fault instead of a hundred. */
#define HUGE_REST_BYTES ((size_t)512 << 10)

/* Bytes that an allocation of this length takes of the address space, and at most of memory. */
static size_t allocation_bytes(size_t bytes) {
  size_t rest = bytes % HUGE_PAGE_BYTES;
  if (rest >= HUGE_REST_BYTES) return bytes - rest + HUGE_PAGE_BYTES;
  return (bytes + 4095) & ~(size_t)4095;
}

static bool has_tag(napi_env env, napi_value value, const napi_type_tag *tag) {
  bool has = false;
  return napi_check_object_type_tag(env, value, tag, &has) == napi_ok && has;
}

/*
 * revoke(buffer): private zero pages now stand where the shared ones were: the memory goes back to
 * the system at once, and whoever still reads the buffer reads zeros. 0 or -errno.
 */
static napi_value revoke_region(napi_env env, napi_callback_info info) {
  pc_args args;
  void *data;
  size_t bytes;
  if (!pc_get_args(env, info, 1, &args)) return NULL;
  bool allocated = has_tag(env, args.values[0], &allocation_tag);
  if ((!allocated && !has_tag(env, args.values[0], &mapping_tag)) ||
      napi_get_arraybuffer_info(env, args.values[0], &data, &bytes) != napi_ok) {
    napi_throw_type_error(env, NULL, "Cannot revoke: wanted an ArrayBuffer made by map()");
    return NULL;
  }
  if (allocated) bytes = allocation_bytes(bytes);
  void *address = mmap(data, bytes, PROT_READ | PROT_WRITE,
                       MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return pc_result(env, address == MAP_FAILED ? -1 : 0);
}

static void free_allocation(napi_env env, void *data, void *hint) {
  size_t bytes = (size_t)(uintptr_t)hint;
  size_t taken = allocation_bytes(bytes);
  int64_t ignored;
  munmap(data, taken);
  napi_adjust_external_memory(env, -(int64_t)(taken - bytes), &ignored);
}

/* allocate(bytes): an ArrayBuffer of zeros that takes one page fault in 2 MiB, or -errno. */
static napi_value allocate(napi_env env, napi_callback_info info) {
  pc_args args;
  size_t bytes;
  if (!pc_get_args(env, info, 1, &args) || !pc_get_size(&args, 0, &bytes)) return NULL;
  if (bytes == 0 || bytes > SIZE_MAX / 2) {
    errno = EINVAL;
    return pc_result(env, -1);
  }
  size_t taken = allocation_bytes(bytes);
  uint8_t *all = mmap(NULL, taken + HUGE_PAGE_BYTES, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (all == MAP_FAILED) return pc_result(env, -1);
  /* Aligned; what is before and behind goes back. */
  size_t before = (size_t)(-(uintptr_t)all & (HUGE_PAGE_BYTES - 1));
  uint8_t *data = all + before;
  if (before > 0) munmap(all, before);
  munmap(data + taken, HUGE_PAGE_BYTES - before);
  madvise(data, taken, MADV_HUGEPAGE); /* A kernel without huge pages: the same, slower. */
  napi_value buffer;
  if (napi_create_external_arraybuffer(env, data, bytes, free_allocation, (void *)(uintptr_t)bytes,
                                       &buffer) != napi_ok) {
    munmap(data, taken);
    errno = ENOTSUP;
    return pc_result(env, -1);
  }
  napi_type_tag_object(env, buffer, &allocation_tag);
  /* V8 counts the ArrayBuffer's length by itself. */
  int64_t ignored;
  napi_adjust_external_memory(env, (int64_t)(taken - bytes), &ignored);
  return buffer;
}

bool pc_define_map(napi_env env, napi_value exports) {
  static const pc_function functions[] = {
      {"map", map_region}, {"revoke", revoke_region}, {"allocate", allocate}};
  return pc_define(env, exports, functions, sizeof functions / sizeof functions[0]);
}
