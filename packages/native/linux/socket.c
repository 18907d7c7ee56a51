/* Unix stream sockets: own listener and connect, descriptors by SCM_RIGHTS, the doorbell byte. */
#include "layout.h"
#include "pc.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

/* Most descriptors one receive() takes: SCM_MAX_FD of the kernel, so that none is ever truncated. */
#define PC_DESCRIPTORS_MAX 253

static int open_socket(void) {
  return socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static int close_with(int fd, int error) {
  close(fd);
  errno = error;
  return -1;
}

static bool get_address(pc_args *args, size_t index, struct sockaddr_un *address) {
  memset(address, 0, sizeof *address);
  address->sun_family = AF_UNIX;
  return pc_get_text(args, index, address->sun_path, sizeof address->sun_path);
}

/* listen(path, mode, backlog): a listening descriptor, or -errno. The caller removes the path. */
static napi_value listen_at(napi_env env, napi_callback_info info) {
  pc_args args;
  struct sockaddr_un address;
  int32_t mode, backlog;
  if (!pc_get_args(env, info, 3, &args) || !get_address(&args, 0, &address) ||
      !pc_get_int(&args, 1, &mode) || !pc_get_int(&args, 2, &backlog))
    return NULL;
  int fd = open_socket();
  if (fd < 0) return pc_result(env, -1);
  if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0)
    return pc_result(env, close_with(fd, errno));
  if (chmod(address.sun_path, (mode_t)mode) < 0 || listen(fd, backlog) < 0) {
    int saved = errno;
    unlink(address.sun_path);
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

/* connect(path): a connected descriptor, or -errno (-EAGAIN: the listener's backlog is full). */
static napi_value connect_to(napi_env env, napi_callback_info info) {
  pc_args args;
  struct sockaddr_un address;
  if (!pc_get_args(env, info, 1, &args) || !get_address(&args, 0, &address)) return NULL;
  int fd = open_socket();
  if (fd < 0) return pc_result(env, -1);
  if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
    return pc_result(env, close_with(fd, errno));
  return pc_new_descriptor(env, fd);
}

/* send(fd, bytes, offset, length, passFd): bytes sent, or -errno. passFd < 0: no descriptor. */
static napi_value send_bytes(napi_env env, napi_callback_info info) {
  pc_args args;
  int32_t fd, pass;
  pc_bytes bytes;
  size_t offset, length;
  if (!pc_get_args(env, info, 5, &args) || !pc_get_int(&args, 0, &fd) ||
      !pc_get_bytes(&args, 1, &bytes) || !pc_get_size(&args, 2, &offset) ||
      !pc_get_size(&args, 3, &length) || !pc_get_int(&args, 4, &pass))
    return NULL;
  if (offset > bytes.length || length > bytes.length - offset) {
    napi_throw_range_error(env, NULL, "Cannot send: range is outside the array");
    return NULL;
  }
  struct iovec piece = {bytes.data + offset, length};
  union {
    struct cmsghdr header;
    char room[CMSG_SPACE(sizeof(int))];
  } control;
  memset(&control, 0, sizeof control);
  struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
  if (pass >= 0) {
    message.msg_control = &control;
    message.msg_controllen = sizeof control.room;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &pass, sizeof pass);
  }
  ssize_t sent;
  do {
    sent = sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return pc_result(env, sent);
}

/* Moves received descriptors into out[1…]; what finds no room there is closed, but counted. */
static void collect_descriptors(struct msghdr *message, int32_t *out, size_t capacity) {
  int32_t count = 0;
  for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header != NULL;
       header = CMSG_NXTHDR(message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    size_t received = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t index = 0; index < received; index++) {
      int fd;
      memcpy(&fd, CMSG_DATA(header) + index * sizeof fd, sizeof fd);
      count++;
      if ((size_t)count < capacity)
        out[count] = fd;
      else
        close(fd);
    }
  }
  out[0] = count;
}

/*
 * receive(fd, bytes, Int32Array): bytes received (0: end of stream), or -errno. The array gets the
 * number of descriptors in [0] and as many of them as fit behind it; -1 in [0] means that the
 * kernel had to cut them off (all that did arrive are closed).
 */
static napi_value receive(napi_env env, napi_callback_info info) {
  pc_args args;
  int32_t fd;
  pc_bytes bytes, descriptors;
  if (!pc_get_args(env, info, 3, &args) || !pc_get_int(&args, 0, &fd) ||
      !pc_get_bytes(&args, 1, &bytes) || !pc_get_bytes(&args, 2, &descriptors))
    return NULL;
  int32_t *out = (int32_t *)(void *)descriptors.data;
  size_t capacity = descriptors.length / sizeof(int32_t);
  if (capacity < 1 || bytes.length < 1) {
    napi_throw_range_error(env, NULL, "Cannot receive: the arrays have no room");
    return NULL;
  }
  struct iovec piece = {bytes.data, bytes.length};
  union {
    struct cmsghdr header;
    char room[CMSG_SPACE(sizeof(int) * PC_DESCRIPTORS_MAX)];
  } control;
  struct msghdr message = {.msg_iov = &piece,
                           .msg_iovlen = 1,
                           .msg_control = &control,
                           .msg_controllen = sizeof control.room};
  out[0] = 0;
  ssize_t received;
  do {
    received = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  } while (received < 0 && errno == EINTR);
  if (received < 0) return pc_result(env, -1);
  bool cut = (message.msg_flags & MSG_CTRUNC) != 0;
  if (message.msg_controllen > 0) collect_descriptors(&message, out, cut ? 1 : capacity);
  if (cut) out[0] = -1;
  for (int32_t index = 1; index <= out[0] && (size_t)index < capacity; index++)
    pc_own(env, out[index]);
  return pc_result(env, received);
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
      {"listen", listen_at}, {"accept", accept_one},          {"connect", connect_to},
      {"send", send_bytes},  {"receive", receive},            {"ringDoorbell", ring_doorbell},
      {"shutdown", shutdown_both},
  };
  return pc_define(env, exports, functions, sizeof functions / sizeof functions[0]);
}
