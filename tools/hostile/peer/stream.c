#define _GNU_SOURCE
#include <errno.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "peer.h"

struct peer *peer_new(int slot, int fd) {
  static const uint32_t attributes[ATTRIBUTES] = {
      [0] = 64 << 20, 32 << 10, 4096, 64 << 20, 1024, 64 << 20, 256 << 20, 64 << 20,
      [8] = 1024,     1024,     128,  5000,     10000, 0,       1,         0x7fffffff,
  };
  struct peer *p = calloc(1, sizeof *p);
  if (p == NULL) abort();
  p->slot = slot;
  p->fd = fd;
  p->own.fd = p->theirs.fd = -1;
  p->nextId = p->nextSectionId = 1;
  memcpy(p->ownAttributes, attributes, sizeof attributes);
  memcpy(p->agreed, attributes, sizeof attributes);
  return p;
}

void peer_free(struct peer *p) {
  if (p->fd >= 0) close(p->fd);
  for (int index = 0; index < p->arrivedCount; index++) close(p->arrived[index].fd);
  for (int index = 0; index < p->sectionCount; index++) close(p->sections[index].fd);
  while (p->inbox != NULL) {
    struct message *next = p->inbox->next;
    message_free(p->inbox);
    p->inbox = next;
  }
  region_close(&p->own);
  region_close(&p->theirs);
  free(p->in.at);
  free(p->out.at);
  free(p);
}

int64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool send_all(struct peer *p, struct msghdr *message) {
  struct iovec *part = message->msg_iov;
  int64_t until = now_ms() + WAIT_MS;
  while (part->iov_len > 0 || message->msg_controllen > 0) {
    ssize_t sent = sendmsg(p->fd, message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno == EAGAIN && now_ms() < until) {
      /* The other side may be blocked because we do not read. */
      stream_read(p);
      struct pollfd room = {.fd = p->fd, .events = POLLOUT};
      poll(&room, 1, 20);
      continue;
    }
    if (sent < 0) return false;
    part->iov_base = (uint8_t *)part->iov_base + sent;
    part->iov_len -= (size_t)sent;
    message->msg_control = NULL;
    message->msg_controllen = 0;
    if (part->iov_len == 0) break;
  }
  return true;
}

void stream_flush(struct peer *p) {
  if (p->out.length == 0) return;
  struct iovec part = {.iov_base = p->out.at, .iov_len = p->out.length};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
  send_all(p, &message);
  p->out.length = 0;
}

/* While corked, bytes without descriptors are collected and leave in one piece. */
bool stream_send(struct peer *p, const struct bytes *bytes, const int *fds, int count) {
  p->outBytes += bytes->length;
  if (p->isCorked && count == 0) {
    put(&p->out, bytes->at, bytes->length);
    return true;
  }
  stream_flush(p);
  char control[CMSG_SPACE(sizeof(int) * FDS_MAX)] = {0};
  struct iovec part = {.iov_base = bytes->at, .iov_len = bytes->length};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
  if (count > 0) {
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)count);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)count);
    memcpy(CMSG_DATA(header), fds, sizeof(int) * (size_t)count);
  }
  return send_all(p, &message);
}

bool stream_send_credentials(struct peer *p, const struct bytes *bytes) {
  stream_flush(p);
  p->outBytes += bytes->length;
  char control[CMSG_SPACE(sizeof(struct ucred))] = {0};
  struct ucred self = {.pid = getpid(), .uid = geteuid(), .gid = getegid()};
  struct iovec part = {.iov_base = bytes->at, .iov_len = bytes->length};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_CREDENTIALS;
  header->cmsg_len = CMSG_LEN(sizeof self);
  memcpy(CMSG_DATA(header), &self, sizeof self);
  return send_all(p, &message);
}

static void keep_descriptors(struct peer *p, const struct cmsghdr *header, uint64_t from, uint64_t to) {
  size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
  for (size_t index = 0; index < count; index++) {
    int fd;
    memcpy(&fd, CMSG_DATA(header) + index * sizeof fd, sizeof fd);
    if (p->arrivedCount == 2 * FDS_MAX) {
      close(fd);
      continue;
    }
    p->arrived[p->arrivedCount++] = (struct arrived){.fd = fd, .from = from, .to = to};
  }
}

static void take_control(struct peer *p, struct msghdr *message, uint64_t from, uint64_t to) {
  struct cmsghdr *header = CMSG_FIRSTHDR(message);
  for (; header != NULL; header = CMSG_NXTHDR(message, header)) {
    if (header->cmsg_level != SOL_SOCKET) continue;
    if (header->cmsg_type == SCM_RIGHTS) keep_descriptors(p, header, from, to);
    if (header->cmsg_type != SCM_CREDENTIALS) continue;
    struct ucred sender;
    memcpy(&sender, CMSG_DATA(header), sizeof sender);
    p->senderPid = (uint32_t)sender.pid;
    p->knowsSender = true;
  }
}

void stream_read(struct peer *p) {
  static uint8_t buffer[1 << 16];
  static char control[CMSG_SPACE(sizeof(int) * FDS_MAX) + CMSG_SPACE(sizeof(struct ucred))];
  while (!p->isEnded) {
    struct iovec part = {.iov_base = buffer, .iov_len = sizeof buffer};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    ssize_t length = recvmsg(p->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (length < 0 && errno == EINTR) continue;
    if (length < 0 && errno == EAGAIN) return;
    p->isEnded = length <= 0; /* A reset is an end as well: the peer closed with bytes unread. */
    if (length <= 0) return;
    uint64_t from = p->inStart + p->in.length;
    take_control(p, &message, from, from + (uint64_t)length);
    put(&p->in, buffer, (size_t)length);
  }
}

bool stream_wait(struct peer *p, int ms) {
  if (p->isEnded) return true;
  struct pollfd one = {.fd = p->fd, .events = POLLIN};
  fflush(stdout);
  int count = poll(&one, 1, ms < 0 ? 0 : ms);
  if (count > 0) stream_read(p);
  return count > 0;
}

bool stream_drained(struct peer *p, int ms) {
  stream_flush(p);
  int64_t until = now_ms() + ms;
  for (;;) {
    int unread = 0;
    if (ioctl(p->fd, SIOCOUTQ, &unread) != 0 || unread == 0) return true;
    if (now_ms() >= until) return false;
    struct timespec pause = {.tv_nsec = 20000};
    nanosleep(&pause, NULL);
  }
}

int take_descriptor(struct peer *p, uint64_t at) {
  if (p->arrivedCount == 0) return -1;
  struct arrived first = p->arrived[0];
  /* The kernel glues bytes without descriptors in front of those with: not more can be seen. */
  if (at < first.from || at >= first.to) return -1;
  memmove(p->arrived, p->arrived + 1, sizeof first * (size_t)--p->arrivedCount);
  return first.fd;
}
