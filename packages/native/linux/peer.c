/* Who is at the other end of a socket: SO_PEERCRED, a pidfd, and what /proc says of the process. */
#include "pc.h"

#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#ifndef SO_PEERGROUPS
#define SO_PEERGROUPS 59
#endif

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

/* peerCredentials(fd, Float64Array(3)): fills {pid, uid, gid}; 0 or -errno. */
static napi_value peer_credentials(napi_env env, napi_callback_info info) {
  pc_args args;
  int32_t fd;
  pc_bytes out;
  if (!pc_get_args(env, info, 2, &args) || !pc_get_int(&args, 0, &fd) ||
      !pc_get_bytes(&args, 1, &out))
    return NULL;
  if (out.length < 3 * sizeof(double)) {
    napi_throw_range_error(env, NULL, "Cannot read credentials: wanted room for 3 numbers");
    return NULL;
  }
  struct ucred credentials;
  socklen_t length = sizeof credentials;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) < 0) return pc_result(env, -1);
  double *fields = (double *)(void *)out.data;
  fields[0] = (double)credentials.pid;
  fields[1] = (double)credentials.uid;
  fields[2] = (double)credentials.gid;
  return pc_result(env, 0);
}

/* peerPidfd(fd): a pidfd of the process at the other end, or -errno. Readable once it has died. */
static napi_value peer_pidfd(napi_env env, napi_callback_info info) {
  pc_args args;
  int32_t fd;
  if (!pc_get_args(env, info, 1, &args) || !pc_get_int(&args, 0, &fd)) return NULL;
  int pidfd = -1;
  socklen_t length = sizeof pidfd;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &length) == 0) {
    fcntl(pidfd, F_SETFD, FD_CLOEXEC);
    return pc_new_descriptor(env, pidfd);
  }
  /* Before Linux 6.5: by number. The caller compares start times, since the number may be reused. */
  struct ucred credentials;
  length = sizeof credentials;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) < 0) return pc_result(env, -1);
  return pc_new_descriptor(env, (int)syscall(SYS_pidfd_open, credentials.pid, 0));
}

/*
 * peerGroups(fd, Uint32Array): fills the supplementary groups; how many there are, or -errno (-ERANGE:
 * the array is too short).
 */
static napi_value peer_groups(napi_env env, napi_callback_info info) {
  pc_args args;
  int32_t fd;
  pc_bytes out;
  if (!pc_get_args(env, info, 2, &args) || !pc_get_int(&args, 0, &fd) ||
      !pc_get_bytes(&args, 1, &out))
    return NULL;
  socklen_t length = (socklen_t)(out.length < INT32_MAX ? out.length : INT32_MAX);
  int result = getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, out.data, &length);
  return pc_result(env, result < 0 ? -1 : (int64_t)(length / sizeof(gid_t)));
}

/* pidfdOpen(pid): a pidfd of the process that has this number now, or -errno. */
static napi_value pidfd_of(napi_env env, napi_callback_info info) {
  pc_args args;
  int32_t pid;
  if (!pc_get_args(env, info, 1, &args) || !pc_get_int(&args, 0, &pid)) return NULL;
  return pc_new_descriptor(env, (int)syscall(SYS_pidfd_open, pid, 0));
}

/* processImage(pid, bytes): length of the path of the process's executable, or -errno. */
static napi_value process_image(napi_env env, napi_callback_info info) {
  pc_args args;
  int32_t pid;
  pc_bytes out;
  char path[64];
  if (!pc_get_args(env, info, 2, &args) || !pc_get_int(&args, 0, &pid) ||
      !pc_get_bytes(&args, 1, &out))
    return NULL;
  snprintf(path, sizeof path, "/proc/%d/exe", pid);
  return pc_result(env, readlink(path, (char *)out.data, out.length));
}

/* processStat(pid, bytes): length of the text of /proc/<pid>/stat, or -errno. */
static napi_value process_stat(napi_env env, napi_callback_info info) {
  pc_args args;
  int32_t pid;
  pc_bytes out;
  char path[64];
  if (!pc_get_args(env, info, 2, &args) || !pc_get_int(&args, 0, &pid) ||
      !pc_get_bytes(&args, 1, &out))
    return NULL;
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return pc_result(env, -1);
  ssize_t length = read(fd, out.data, out.length);
  int saved = errno;
  close(fd);
  errno = saved;
  return pc_result(env, length);
}

/* processEnded(pidfd): 1 when the process has ended, 0 while it lives, or -errno. */
static napi_value process_ended(napi_env env, napi_callback_info info) {
  pc_args args;
  struct pollfd poller = {.events = POLLIN};
  if (!pc_get_args(env, info, 1, &args) || !pc_get_int(&args, 0, &poller.fd)) return NULL;
  return pc_result(env, poll(&poller, 1, 0));
}

bool pc_define_peer(napi_env env, napi_value exports) {
  static const pc_function functions[] = {
      {"peerCredentials", peer_credentials},
      {"peerGroups", peer_groups},
      {"peerPidfd", peer_pidfd},
      {"pidfdOpen", pidfd_of},
      {"processImage", process_image},
      {"processStat", process_stat},
      {"processEnded", process_ended},
  };
  return pc_define(env, exports, functions, sizeof functions / sizeof functions[0]);
}
