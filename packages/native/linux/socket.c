/* Unix stream sockets: own listener and connect, the doorbell byte, and waiting without a loop. */
#include "layout.h"
#include "pc.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>

static int open_socket(void) {
  return socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static int close_with(int fd, int error) {
  close(fd);
  errno = error;
  return -1;
}

/* An address, and its length: that of an abstract one, which begins with NUL, is part of it. */
typedef struct {
  struct sockaddr_un name;
  socklen_t length;
} socket_address;

static bool is_abstract(const socket_address *address) {
  return address->name.sun_path[0] == '\0';
}

static bool get_address(pc_args *args, size_t index, socket_address *address) {
  memset(address, 0, sizeof *address);
  address->name.sun_family = AF_UNIX;
  char *path = address->name.sun_path;
  size_t capacity = sizeof address->name.sun_path, length;
  napi_value value = args->values[index];
  if (napi_get_value_string_utf8(args->env, value, NULL, 0, &length) == napi_ok &&
      length < capacity &&
      napi_get_value_string_utf8(args->env, value, path, capacity, &length) == napi_ok) {
    /* NUL may only come first, with a name behind it; one alone would have the kernel choose. */
    size_t named = length > 0 && path[0] == '\0' ? 1 : 0;
    if (length != named && memchr(path + named, '\0', length - named) == NULL) {
      size_t bytes = named ? length : sizeof address->name.sun_path;
      address->length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + bytes);
      return true;
    }
    if (length == 0) {
      address->length = sizeof address->name;
      return true;
    }
  }
  napi_throw_type_error(args->env, NULL, "Cannot call: wanted the address of a socket");
  return false;
}

/*
 * listen(address, mode, backlog): a listening descriptor, or -errno. The caller removes the path. An
 * abstract address (NUL first) is no file: there is no mode.
 */
static napi_value listen_at(napi_env env, napi_callback_info info) {
  pc_args args;
  socket_address address;
  int32_t mode, backlog;
  if (!pc_get_args(env, info, 3, &args) || !get_address(&args, 0, &address) ||
      !pc_get_int(&args, 1, &mode) || !pc_get_int(&args, 2, &backlog))
    return NULL;
  int fd = open_socket();
  if (fd < 0) return pc_result(env, -1);
  if (bind(fd, (struct sockaddr *)&address.name, address.length) < 0)
    return pc_result(env, close_with(fd, errno));
  bool is_file = !is_abstract(&address);
  if ((is_file && chmod(address.name.sun_path, (mode_t)mode) < 0) || listen(fd, backlog) < 0) {
    int saved = errno;
    if (is_file) unlink(address.name.sun_path);
    return pc_result(env, close_with(fd, saved));
  }
  return pc_new_descriptor(env, fd);
}

/* accept(fd): a connected descriptor, or -errno (-EAGAIN: nobody waits). */
static napi_value accept_one(napi_env env, napi_callback_info info) {
  pc_args args;
  int32_t fd;
  if (!pc_get_args(env, info, 1, &args) || !pc_get_int(&args, 0, &fd)) return NULL;
  return pc_new_descriptor(env, accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC));
}

/*
 * connect(address, vouched): a connected descriptor, or -errno (-EAGAIN: the listener's backlog is
 * full). Vouched: SO_PASSCRED is set before it connects, so that no byte comes without credentials.
 */
static napi_value connect_to(napi_env env, napi_callback_info info) {
  pc_args args;
  socket_address address;
  int32_t vouched;
  if (!pc_get_args(env, info, 2, &args) || !get_address(&args, 0, &address) ||
      !pc_get_int(&args, 1, &vouched))
    return NULL;
  int fd = open_socket();
  if (fd < 0) return pc_result(env, -1);
  int on = 1;
  if (vouched != 0 && setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) < 0)
    return pc_result(env, close_with(fd, errno));
  if (connect(fd, (struct sockaddr *)&address.name, address.length) < 0)
    return pc_result(env, close_with(fd, errno));
  return pc_new_descriptor(env, fd);
}

/* passCredentials(fd, on): SO_PASSCRED; 0 or -errno. */
static napi_value pass_credentials(napi_env env, napi_callback_info info) {
  pc_args args;
  int32_t fd, on;
  if (!pc_get_args(env, info, 2, &args) || !pc_get_int(&args, 0, &fd) || !pc_get_int(&args, 1, &on))
    return NULL;
  return pc_result(env, setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on));
}

static int64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/*
 * wait(fd, events, pidfd, timeoutMs): BLOCKS this thread until fd has one of the events (1 readable,
 * 2 writable), the process has ended, or the time is over. The sum of 1 (fd) and 2 (pidfd), 0 when
 * the time is over, or -errno. A hang-up counts as readable. A negative pidfd is not watched.
 */
static napi_value wait_for(napi_env env, napi_callback_info info) {
  pc_args args;
  int32_t fd, events, pidfd, timeout;
  if (!pc_get_args(env, info, 4, &args) || !pc_get_int(&args, 0, &fd) ||
      !pc_get_int(&args, 1, &events) || !pc_get_int(&args, 2, &pidfd) ||
      !pc_get_int(&args, 3, &timeout))
    return NULL;
  short wanted = (short)((events & 1 ? POLLIN : 0) | (events & 2 ? POLLOUT : 0));
  struct pollfd polled[2] = {{.fd = fd, .events = wanted}, {.fd = pidfd, .events = POLLIN}};
  if (timeout < 0) timeout = 0; /* Never for ever: a thread that cannot be ended. */
  int64_t ends = now_ms() + timeout;
  int result;
  while ((result = poll(polled, 2, timeout)) < 0 && errno == EINTR) {
    int64_t left = ends - now_ms();
    timeout = left > 0 ? (int)left : 0;
  }
  if (result < 0) return pc_result(env, -1);
  if ((polled[0].revents | polled[1].revents) & POLLNVAL) {
    errno = EBADF;
    return pc_result(env, -1);
  }
  return pc_result(env, (polled[0].revents ? 1 : 0) + (polled[1].revents ? 2 : 0));
}

/* ringDoorbell(fd): 1, or -errno; -EAGAIN means that a wake-up is pending already. */
static napi_value ring_doorbell(napi_env env, napi_callback_info info) {
  static const char bell = PC_DOORBELL_BYTE;
  pc_args args;
  int32_t fd;
  if (!pc_get_args(env, info, 1, &args) || !pc_get_int(&args, 0, &fd)) return NULL;
  return pc_result(env, send(fd, &bell, 1, MSG_DONTWAIT | MSG_NOSIGNAL));
}

/* shutdown(fd): ends both directions; 0 or -errno. */
static napi_value shutdown_both(napi_env env, napi_callback_info info) {
  pc_args args;
  int32_t fd;
  if (!pc_get_args(env, info, 1, &args) || !pc_get_int(&args, 0, &fd)) return NULL;
  return pc_result(env, shutdown(fd, SHUT_RDWR));
}

bool pc_define_socket(napi_env env, napi_value exports) {
  static const pc_function functions[] = {
      {"listen", listen_at},
      {"accept", accept_one},
      {"connect", connect_to},
      {"passCredentials", pass_credentials},
      {"ringDoorbell", ring_doorbell},
      {"shutdown", shutdown_both},
      {"wait", wait_for},
  };
  return pc_define(env, exports, functions, sizeof functions / sizeof functions[0]);
}
