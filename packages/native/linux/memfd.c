/* memfd_create(2), sealing and inspection of descriptors; pread/pwrite for sections. */
#include "pc.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

/* memfdCreate(name, bytes): a descriptor whose pages are all allocated, or -errno. */
static napi_value memfd_create_allocated(napi_env env, napi_callback_info info) {
  pc_args args;
  char name[64];
  size_t bytes;
  if (!pc_get_args(env, info, 2, &args) || !pc_get_text(&args, 0, name, sizeof name) ||
      !pc_get_size(&args, 1, &bytes))
    return NULL;
  int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
  /* Before Linux 6.3 the flag is unknown: EINVAL. */
  if (fd < 0 && errno == EINVAL) fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0) return pc_result(env, -1);
  int result = fchmod(fd, 0600);
  while (result == 0 && bytes > 0 && (result = fallocate(fd, 0, 0, (off_t)bytes)) < 0) {
    if (errno != EINTR) break;
    result = 0;
  }
  if (result < 0) {
    int saved = errno;
    close(fd);
    errno = saved;
    return pc_result(env, -1);
  }
  return pc_new_descriptor(env, fd);
}

/* addSeals(fd, seals): 0 or -errno. */
static napi_value add_seals(napi_env env, napi_callback_info info) {
  pc_args args;
  int32_t fd, seals;
  if (!pc_get_args(env, info, 2, &args) || !pc_get_int(&args, 0, &fd) ||
      !pc_get_int(&args, 1, &seals))
    return NULL;
  return pc_result(env, fcntl(fd, F_ADD_SEALS, seals));
}

/* inspect(fd, Float64Array(5)): fills {mode, size, allocated bytes, filesystem magic, seals or -1}. */
static napi_value inspect(napi_env env, napi_callback_info info) {
  pc_args args;
  int32_t fd;
  pc_bytes out;
  if (!pc_get_args(env, info, 2, &args) || !pc_get_int(&args, 0, &fd) ||
      !pc_get_bytes(&args, 1, &out))
    return NULL;
  if (out.length < 5 * sizeof(double)) {
    napi_throw_range_error(env, NULL, "Cannot inspect: wanted room for 5 numbers");
    return NULL;
  }
  struct stat status;
  struct statfs filesystem;
  if (fstat(fd, &status) < 0 || fstatfs(fd, &filesystem) < 0) return pc_result(env, -1);
  double *fields = (double *)(void *)out.data;
  fields[0] = (double)status.st_mode;
  fields[1] = (double)status.st_size;
  fields[2] = (double)status.st_blocks * 512.0;
  fields[3] = (double)(uint32_t)filesystem.f_type;
  fields[4] = (double)fcntl(fd, F_GET_SEALS);
  return pc_result(env, 0);
}

typedef ssize_t (*position_call)(int, void *, size_t, off_t);

static ssize_t write_at(int fd, void *data, size_t length, off_t position) {
  return pwrite(fd, data, length, position);
}

/* (fd, typed array, offset, length, position): bytes moved, or -errno. */
static napi_value move_bytes(napi_env env, napi_callback_info info, position_call call) {
  pc_args args;
  int32_t fd;
  pc_bytes bytes;
  size_t offset, length, position;
  if (!pc_get_args(env, info, 5, &args) || !pc_get_int(&args, 0, &fd) ||
      !pc_get_bytes(&args, 1, &bytes) || !pc_get_size(&args, 2, &offset) ||
      !pc_get_size(&args, 3, &length) || !pc_get_size(&args, 4, &position))
    return NULL;
  if (offset > bytes.length || length > bytes.length - offset) {
    napi_throw_range_error(env, NULL, "Cannot move bytes: range is outside the array");
    return NULL;
  }
  ssize_t moved;
  do {
    moved = call(fd, bytes.data + offset, length, (off_t)position);
  } while (moved < 0 && errno == EINTR);
  return pc_result(env, moved);
}

static napi_value read_section(napi_env env, napi_callback_info info) {
  return move_bytes(env, info, pread);
}

static napi_value write_section(napi_env env, napi_callback_info info) {
  return move_bytes(env, info, write_at);
}

static napi_value close_descriptor(napi_env env, napi_callback_info info) {
  pc_args args;
  int32_t fd;
  if (!pc_get_args(env, info, 1, &args) || !pc_get_int(&args, 0, &fd)) return NULL;
  /* Before close(): afterwards the number may be another thread's. */
  pc_disown(env, fd);
  return pc_result(env, close(fd));
}

bool pc_define_memfd(napi_env env, napi_value exports) {
  static const pc_function functions[] = {
      {"memfdCreate", memfd_create_allocated}, {"addSeals", add_seals},
      {"inspect", inspect},                    {"readAt", read_section},
      {"writeAt", write_section},              {"close", close_descriptor},
  };
  return pc_define(env, exports, functions, sizeof functions / sizeof functions[0]);
}
