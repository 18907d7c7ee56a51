/*
 * The addon's reading of control messages (packages/native/linux/ancillary.c, included as it is),
 * with recvmsg() giving what the fuzzer made: bytes, control data and flags of any kind. Node-API is
 * replaced by stubs. Checked: no access outside of any buffer (AddressSanitizer), nothing undefined
 * (UBSan), and each descriptor that came is either handed out once or closed once.
 *
 * The input: capacity u8 | with credentials u8 | truncated u8 | received u8 | control data.
 *
 * PC_FUZZ_PLANT: the array of descriptors is one shorter than its length says; must be found.
 */
#define _GNU_SOURCE 1
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static ssize_t fuzz_recvmsg(int fd, struct msghdr *message, int flags);
static int fuzz_close(int fd);

#define recvmsg fuzz_recvmsg
#define close fuzz_close
#include "../../../packages/native/linux/ancillary.c"
#undef recvmsg
#undef close

/* The input of this run, and what was seen of it. */
static const uint8_t *input;
static size_t input_length;
static pc_bytes arrays[3];
static size_t arrived, closed, owned;

static ssize_t fuzz_recvmsg(int fd, struct msghdr *message, int flags) {
  (void)fd, (void)flags;
  size_t control = input_length - 4;
  if (control > message->msg_controllen) control = message->msg_controllen;
  memcpy(message->msg_control, input + 4, control);
  message->msg_controllen = control;
  message->msg_flags = input[2] & 1 ? MSG_CTRUNC : 0;
  return input[3];
}

static int fuzz_close(int fd) {
  (void)fd;
  closed++;
  return 0;
}

/* Counts on its own what came: descriptors of every whole SCM_RIGHTS up to the first broken one. */
static size_t count_descriptors(void) {
  size_t count = 0, at = 0, end = input_length - 4;
  size_t room = sizeof(receive_control);
  if (end > room) end = room;
  while (end - at >= sizeof(struct cmsghdr)) {
    struct cmsghdr header;
    memcpy(&header, input + 4 + at, sizeof header);
    if (header.cmsg_len < CMSG_LEN(0) || header.cmsg_len > end - at) break;
    if (header.cmsg_level == SOL_SOCKET && header.cmsg_type == SCM_RIGHTS)
      count += (header.cmsg_len - CMSG_LEN(0)) / sizeof(int);
    size_t step = CMSG_ALIGN(header.cmsg_len);
    if (step > end - at) break;
    at += step;
  }
  return count;
}

void pc_own(napi_env env, int fd) {
  (void)env, (void)fd;
  owned++;
}
bool pc_get_args(napi_env env, napi_callback_info info, size_t count, pc_args *args) {
  (void)info, (void)count;
  args->env = env;
  return true;
}
bool pc_get_int(pc_args *args, size_t index, int32_t *out) {
  (void)args, (void)index;
  *out = 0;
  return true;
}
bool pc_get_size(pc_args *args, size_t index, size_t *out) {
  (void)args, (void)index;
  *out = 0;
  return true;
}
bool pc_get_bytes(pc_args *args, size_t index, pc_bytes *out) {
  (void)args;
  *out = arrays[index - 1];
  return true;
}
napi_value pc_result(napi_env env, int64_t result) {
  (void)env, (void)result;
  return NULL;
}
bool pc_define(napi_env env, napi_value exports, const pc_function *functions, size_t count) {
  (void)env, (void)exports, (void)functions, (void)count;
  return true;
}
napi_status napi_throw_range_error(napi_env env, const char *code, const char *text) {
  (void)env, (void)code, (void)text;
  return napi_ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 4) return 0;
  input = data;
  input_length = size;
  size_t words = 1 + data[0] % 8;
  size_t room = words * sizeof(int32_t);
#ifdef PC_FUZZ_PLANT
  room -= sizeof(int32_t);
#endif
  uint8_t byte;
  int32_t *descriptors = malloc(room);
  double *vouched = malloc(3 * sizeof *vouched);
  if (descriptors == NULL || vouched == NULL) abort();
  arrays[0] = (pc_bytes){&byte, 1};
  arrays[1] = (pc_bytes){(uint8_t *)descriptors, words * sizeof(int32_t)};
  arrays[2] = (pc_bytes){(uint8_t *)vouched, 3 * sizeof *vouched};
  closed = owned = 0;
  arrived = count_descriptors();
  if (data[1] & 1)
    receive_with(NULL, NULL);
  else
    receive(NULL, NULL);
  bool is_cut = (data[2] & 1) != 0;
  size_t kept = is_cut ? 0 : arrived < words ? arrived : words - 1;
  if (owned != kept || closed != arrived - kept) abort();
  if (descriptors[0] != (is_cut ? -1 : (int32_t)arrived)) abort();
  free(descriptors);
  free(vouched);
  return 0;
}
