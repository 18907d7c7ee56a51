/* flock(2) on a lock file: held as long as the descriptor is open, released by any death. */
#include "pc.h"

#include <sys/file.h>
#include <sys/stat.h>

static bool same_file(int fd, const char *path) {
  struct stat opened, named;
  return fstat(fd, &opened) == 0 && lstat(path, &named) == 0 && opened.st_ino == named.st_ino &&
         opened.st_dev == named.st_dev;
}

/*
 * lockFile(path): a descriptor that holds the lock, or -errno (-EWOULDBLOCK: somebody else has it).
 * A file that its last owner unlinked between our open and our flock does not count: -ESTALE,
 * and the caller tries again.
 */
static napi_value lock_file(napi_env env, napi_callback_info info) {
  pc_args args;
  char path[PC_PATH_BYTES];
  if (!pc_get_args(env, info, 1, &args) || !pc_get_text(&args, 0, path, sizeof path)) return NULL;
  int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return pc_result(env, -1);
  int result = flock(fd, LOCK_EX | LOCK_NB);
  if (result == 0 && same_file(fd, path)) return pc_new_descriptor(env, fd);
  int saved = result == 0 ? ESTALE : errno;
  close(fd);
  errno = saved;
  return pc_result(env, -1);
}

bool pc_define_lock(napi_env env, napi_value exports) {
  static const pc_function functions[] = {{"lockFile", lock_file}};
  return pc_define(env, exports, functions, sizeof functions / sizeof functions[0]);
}
