/* sendmsg and recvmsg: bytes with descriptors (SCM_RIGHTS) and credentials (SCM_CREDENTIALS). */
#include "layout.h"
#include "pc.h"

#include <sys/socket.h>

/* Most descriptors one receive() takes: SCM_MAX_FD of the kernel, so that none is ever truncated. */
#define PC_DESCRIPTORS_MAX 253

typedef union {
  struct cmsghdr header;
  char room[CMSG_SPACE(sizeof(int) * PC_HANDLES_MAX) + CMSG_SPACE(sizeof(struct ucred))];
} send_control;

typedef union {
  struct cmsghdr header;
  char room[CMSG_SPACE(sizeof(int) * PC_DESCRIPTORS_MAX) + CMSG_SPACE(sizeof(struct ucred))];
} receive_control;

/* Appends a control message; the buffer was cleared and has the room. */
static void add_control(struct msghdr *message, send_control *control, int type, const void *data,
                        size_t bytes) {
  struct cmsghdr *header = (struct cmsghdr *)(void *)(control->room + message->msg_controllen);
  message->msg_control = control->room;
  message->msg_controllen += CMSG_SPACE(bytes);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = type;
  header->cmsg_len = CMSG_LEN(bytes);
  memcpy(CMSG_DATA(header), data, bytes);
}

/* The first four arguments of both senders. */
static bool get_piece(pc_args *args, int32_t *fd, struct iovec *piece) {
  pc_bytes bytes;
  size_t offset, length;
  if (!pc_get_int(args, 0, fd) || !pc_get_bytes(args, 1, &bytes) ||
      !pc_get_size(args, 2, &offset) || !pc_get_size(args, 3, &length))
    return false;
  if (offset > bytes.length || length > bytes.length - offset) {
    napi_throw_range_error(args->env, NULL, "Cannot send: range is outside the array");
    return false;
  }
  *piece = (struct iovec){bytes.data + offset, length};
  return true;
}

static ssize_t send_message(int fd, const struct msghdr *message) {
  ssize_t sent;
  do {
    sent = sendmsg(fd, message, MSG_DONTWAIT | MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return sent;
}

/* send(fd, bytes, offset, length, passFd): bytes sent, or -errno. passFd < 0: no descriptor. */
static napi_value send_bytes(napi_env env, napi_callback_info info) {
  pc_args args;
  int32_t fd, pass;
  struct iovec piece;
  if (!pc_get_args(env, info, 5, &args) || !get_piece(&args, &fd, &piece) ||
      !pc_get_int(&args, 4, &pass))
    return NULL;
  send_control control;
  memset(&control, 0, sizeof control);
  struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
  if (pass >= 0) add_control(&message, &control, SCM_RIGHTS, &pass, sizeof pass);
  return pc_result(env, send_message(fd, &message));
}

/*
 * sendWith(fd, bytes, offset, length, Int32Array, vouched): as send(), with the descriptors in the
 * array (at most 4) and, when vouched, with SCM_CREDENTIALS {pid, effective uid, effective gid}.
 */
static napi_value send_with(napi_env env, napi_callback_info info) {
  pc_args args;
  int32_t fd, vouched;
  struct iovec piece;
  pc_bytes descriptors;
  if (!pc_get_args(env, info, 6, &args) || !get_piece(&args, &fd, &piece) ||
      !pc_get_bytes(&args, 4, &descriptors) || !pc_get_int(&args, 5, &vouched))
    return NULL;
  if (descriptors.length > sizeof(int) * PC_HANDLES_MAX) {
    napi_throw_range_error(env, NULL, "Cannot send: too many descriptors");
    return NULL;
  }
  send_control control;
  memset(&control, 0, sizeof control);
  struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
  if (descriptors.length > 0)
    add_control(&message, &control, SCM_RIGHTS, descriptors.data, descriptors.length);
  if (vouched != 0) {
    struct ucred own = {.pid = getpid(), .uid = geteuid(), .gid = getegid()};
    add_control(&message, &control, SCM_CREDENTIALS, &own, sizeof own);
  }
  return pc_result(env, send_message(fd, &message));
}

/* The kernel only writes whole ones; then nothing of this file depends on that. */
static bool is_whole(const struct msghdr *message, const struct cmsghdr *header) {
  size_t at = (size_t)((const char *)header - (const char *)message->msg_control);
  return header->cmsg_len >= CMSG_LEN(0) && header->cmsg_len <= message->msg_controllen - at;
}

/* Moves received descriptors into out[1…]; what finds no room there is closed, but counted. */
static int32_t take_descriptors(struct cmsghdr *header, int32_t *out, size_t capacity,
                                int32_t count) {
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
  return count;
}

static void take_credentials(struct cmsghdr *header, double *out) {
  struct ucred credentials;
  if (out == NULL || header->cmsg_len < CMSG_LEN(sizeof credentials)) return;
  memcpy(&credentials, CMSG_DATA(header), sizeof credentials);
  out[0] = (double)credentials.pid;
  out[1] = (double)credentials.uid;
  out[2] = (double)credentials.gid;
}

/* Reads all control messages: every descriptor ends in `out` or is closed. */
static void take_control(struct msghdr *message, int32_t *out, size_t capacity, double *vouched) {
  bool cut = (message->msg_flags & MSG_CTRUNC) != 0;
  int32_t count = 0;
  if (message->msg_controllen > 0) {
    for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header != NULL;
         header = CMSG_NXTHDR(message, header)) {
      if (!is_whole(message, header)) break;
      if (header->cmsg_level != SOL_SOCKET) continue;
      if (header->cmsg_type == SCM_RIGHTS)
        count = take_descriptors(header, out, cut ? 1 : capacity, count);
      if (header->cmsg_type == SCM_CREDENTIALS) take_credentials(header, vouched);
    }
  }
  out[0] = cut ? -1 : count;
}

/* `vouched` is NULL or has room for 3 numbers. */
static napi_value receive_into(pc_args *args, double *vouched) {
  int32_t fd;
  pc_bytes bytes, descriptors;
  if (!pc_get_int(args, 0, &fd) || !pc_get_bytes(args, 1, &bytes) ||
      !pc_get_bytes(args, 2, &descriptors))
    return NULL;
  int32_t *out = (int32_t *)(void *)descriptors.data;
  size_t capacity = descriptors.length / sizeof(int32_t);
  if (capacity < 1 || bytes.length < 1) {
    napi_throw_range_error(args->env, NULL, "Cannot receive: the arrays have no room");
    return NULL;
  }
  struct iovec piece = {bytes.data, bytes.length};
  receive_control control;
  struct msghdr message = {.msg_iov = &piece,
                           .msg_iovlen = 1,
                           .msg_control = &control,
                           .msg_controllen = sizeof control.room};
  out[0] = 0;
  if (vouched != NULL) vouched[0] = -1;
  ssize_t received;
  do {
    received = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  } while (received < 0 && errno == EINTR);
  if (received < 0) return pc_result(args->env, -1);
  take_control(&message, out, capacity, vouched);
  for (int32_t index = 1; index <= out[0] && (size_t)index < capacity; index++)
    pc_own(args->env, out[index]);
  return pc_result(args->env, received);
}

/*
 * receive(fd, bytes, Int32Array): bytes received (0: end of stream), or -errno. The array gets the
 * number of descriptors in [0] and as many of them as fit behind it; -1 in [0] means that the
 * kernel had to cut them off (all that did arrive are closed).
 */
static napi_value receive(napi_env env, napi_callback_info info) {
  pc_args args;
  if (!pc_get_args(env, info, 3, &args)) return NULL;
  return receive_into(&args, NULL);
}

/*
 * receiveWith(fd, bytes, Int32Array, Float64Array(3)): as receive(), and fills {pid, uid, gid} of the
 * credentials that came with these bytes; pid -1 when none did, 0 when nobody vouches for them.
 */
static napi_value receive_with(napi_env env, napi_callback_info info) {
  pc_args args;
  pc_bytes vouched;
  if (!pc_get_args(env, info, 4, &args) || !pc_get_bytes(&args, 3, &vouched)) return NULL;
  if (vouched.length < 3 * sizeof(double)) {
    napi_throw_range_error(env, NULL, "Cannot receive: wanted room for 3 numbers");
    return NULL;
  }
  return receive_into(&args, (double *)(void *)vouched.data);
}

bool pc_define_ancillary(napi_env env, napi_value exports) {
  static const pc_function functions[] = {
      {"send", send_bytes},
      {"sendWith", send_with},
      {"receive", receive},
      {"receiveWith", receive_with},
  };
  return pc_define(env, exports, functions, sizeof functions / sizeof functions[0]);
}
