/*
 * Usage: hostile < script. Each line is `SLOT OPERATION key=value …`; a slot is one connection or
 * one listener. Operations that report print one line of JSON or more.
 *
 *   connect path=|abstract= [pass=1]   listen path=|abstract= [backlog=]   accept from=SLOT [ms=]
 *   frame … | answer [ms=]             handshake frames out and in (handshake.c)
 *   message … | token … | bell [times=] | send data=HEX [fds=] [times=]
 *   region [kind=] [ring=]             makes the own region before `frame` does
 *   word name= value=|add=             poke at= data=HEX           flip at= ms= [xor=]
 *   storm [ms=] [seed=] …              a thread that writes anywhere in the own region (storm.c)
 *   cork | uncork                      bytes in between leave in one piece
 *   lazy                               fills up records of a stream not before the next one
 *   drain [ms=]                        until the other side has read everything
 *   ping | requests … | serve … | goodbye   what a good peer does (behaviour.c)
 *   read [count=] [ms=]                reports messages; then one line of how it ended
 *   end [ms=] [quiet=1]                reads until the end of the stream, or until ms= are over
 *   shutdown [how=wr|rd|both]          close               sleep ms=       echo text=
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "peer.h"

static struct peer *slots[SLOTS_MAX];

static void replace(int slot, struct peer *by) {
  if (slots[slot] != NULL) peer_free(slots[slot]);
  slots[slot] = by;
}

static socklen_t address_of(const struct arguments *a, struct sockaddr_un *into) {
  const char *path = text_of(a, "path", "");
  const char *name = text_of(a, "abstract", NULL);
  *into = (struct sockaddr_un){.sun_family = AF_UNIX};
  if (name == NULL) {
    snprintf(into->sun_path, sizeof into->sun_path, "%s", path);
    return sizeof *into;
  }
  int length = snprintf(into->sun_path + 1, sizeof into->sun_path - 1, "portcall/%s", name);
  return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length);
}

static void run_connect(const struct arguments *a) {
  struct sockaddr_un address;
  socklen_t length = address_of(a, &address);
  int yes = 1;
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (number_of(a, "pass", 1) != 0) setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes);
  bool isConnected = connect(fd, (struct sockaddr *)&address, length) == 0;
  int why = isConnected ? 0 : errno;
  replace(a->slot, peer_new(a->slot, fd));
  if (!isConnected) slots[a->slot]->isEnded = true;
  if (isConnected && number_of(a, "quiet", 1) != 0) return;
  report(a->slot, "connect");
  report_bool("connected", isConnected);
  report_number("errno", (uint64_t)why);
  report_end();
}

static void run_listen(const struct arguments *a) {
  struct sockaddr_un address;
  socklen_t length = address_of(a, &address);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  bool isGood = bind(fd, (struct sockaddr *)&address, length) == 0 &&
                listen(fd, (int)number_of(a, "backlog", 128)) == 0;
  replace(a->slot, peer_new(a->slot, fd));
  report(a->slot, "listen");
  report_bool("listening", isGood);
  report_end();
}

static void run_accept(const struct arguments *a) {
  struct peer *listener = slots[number_of(a, "from", 0) % SLOTS_MAX];
  int fd = -1;
  if (listener != NULL) {
    struct pollfd one = {.fd = listener->fd, .events = POLLIN};
    fflush(stdout);
    if (poll(&one, 1, (int)number_of(a, "ms", WAIT_MS)) > 0) fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC);
  }
  replace(a->slot, peer_new(a->slot, fd));
  if (fd >= 0) return;
  slots[a->slot]->isEnded = true;
  report_error(slots[a->slot], "accept", "nobody came");
}

static void run_send(struct peer *p, const struct arguments *a) {
  struct bytes data = bytes_of(a, "data");
  int fds[FDS_MAX];
  for (uint64_t times = number_of(a, "times", 1); times > 0 && !p->isEnded; times--) {
    int count = make_descriptors(text_of(a, "fds", ""), (uint32_t)number_of(a, "bytes", 4096), fds);
    if (!stream_send(p, &data, fds, count)) times = 1;
    close_all(fds, count);
  }
  free(data.at);
}

static void run_word(struct peer *p, const struct arguments *a) {
  int64_t offset = word_named(text_of(a, "name", ""));
  if (p->own.at == NULL || offset < 0) return report_error(p, "word", "no such word");
  uint32_t value = word_get(&p->own, (uint32_t)offset) + (uint32_t)number_of(a, "add", 0);
  word_set(&p->own, (uint32_t)offset, (uint32_t)number_of(a, "value", value));
}

static void run_poke(struct peer *p, const struct arguments *a) {
  struct bytes data = bytes_of(a, "data");
  uint64_t at = number_of(a, "at", REGION_HEADER_BYTES);
  bool fits = p->own.at != NULL && at + data.length <= p->own.mappedBytes;
  if (fits) memcpy(p->own.at + at, data.at, data.length);
  free(data.at);
}

/* Changes a byte back and forth while the other side reads, ringing so that it does. */
static void run_flip(struct peer *p, const struct arguments *a) {
  uint64_t at = number_of(a, "at", REGION_HEADER_BYTES);
  int64_t until = now_ms() + (int64_t)number_of(a, "ms", 10);
  if (p->own.at == NULL || at >= p->own.mappedBytes) return;
  volatile uint8_t *byte = p->own.at + at;
  for (uint32_t round = 0; now_ms() < until; round++) {
    for (int times = 0; times < 5000; times++) *byte ^= (uint8_t)number_of(a, "xor", 0xff);
    if (round % 16 == 0 && !p->isEnded) ring_bell(p);
    stream_read(p);
    if (p->isEnded) break;
  }
}

static void run_read(struct peer *p, const struct arguments *a) {
  uint64_t count = number_of(a, "count", 1);
  int64_t until = now_ms() + (int64_t)number_of(a, "ms", WAIT_MS);
  while (count > 0) {
    struct message *m = wait_message(p, (int)(until - now_ms()));
    if (m == NULL) break;
    attend(p, m);
    report_message(p, "message", m);
    if (m->type != CREDIT) count--;
    message_free(m);
  }
  report(p->slot, "read");
  report_number("missing", count);
  if (p->violation != NULL) report_text("violation", p->violation);
  report_bool("ended", p->isEnded);
  report_end();
}

/* Messages that came before the end are counted, not taken for anything. */
static void run_end(struct peer *p, const struct arguments *a) {
  int64_t until = now_ms() + (int64_t)number_of(a, "ms", WAIT_MS);
  uint64_t messages = 0;
  stream_flush(p);
  stream_read(p);
  while (!p->isEnded && now_ms() < until) stream_wait(p, (int)(until - now_ms()));
  report(p->slot, "end");
  report_bool("ended", p->isEnded);
  report_number("unread", p->in.length);
  struct message *m;
  int lastType = 0, lastStatus = 0;
  while (p->carrier != CARRIER_NONE && (m = next_message(p)) != NULL) {
    messages++;
    lastType = m->type;
    lastStatus = m->status;
    message_free(m);
  }
  report_number("messages", messages);
  report_number("lastType", (uint64_t)lastType);
  report_number("lastStatus", (uint64_t)lastStatus);
  report_end();
}

static void run_shutdown(struct peer *p, const struct arguments *a) {
  const char *how = text_of(a, "how", "wr");
  stream_flush(p);
  shutdown(p->fd, strcmp(how, "rd") == 0 ? SHUT_RD : strcmp(how, "wr") == 0 ? SHUT_WR : SHUT_RDWR);
}

static void run_drain(struct peer *p, const struct arguments *a) {
  if (!stream_drained(p, (int)number_of(a, "ms", WAIT_MS))) report_error(p, "drain", "unread bytes");
}

static void pause_ms(uint64_t ms) {
  struct timespec time = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};
  fflush(stdout);
  nanosleep(&time, NULL);
}

static bool is(const struct arguments *a, const char *operation) {
  return strcmp(a->operation, operation) == 0;
}

static bool run_without_peer(const struct arguments *a) {
  if (is(a, "connect")) run_connect(a);
  else if (is(a, "listen")) run_listen(a);
  else if (is(a, "accept")) run_accept(a);
  else if (is(a, "sleep")) pause_ms(number_of(a, "ms", 1));
  else if (is(a, "echo")) report(a->slot, "echo"), report_text("text", text_of(a, "text", "")), report_end();
  else return false;
  return true;
}

static bool run_output(struct peer *p, const struct arguments *a) {
  if (is(a, "frame")) send_frame(p, a);
  else if (is(a, "message")) send_message(p, a);
  else if (is(a, "token")) send_token(p, a);
  else if (is(a, "send")) run_send(p, a);
  else if (is(a, "word")) run_word(p, a);
  else if (is(a, "poke")) run_poke(p, a);
  else if (is(a, "flip")) run_flip(p, a);
  else if (is(a, "storm")) run_storm(p, a);
  else if (is(a, "region")) {
    if (!region_create(&p->own, text_of(a, "kind", "good"), (uint32_t)number_of(a, "ring", 65536))) {
      report_error(p, "region", "cannot be made");
    }
  } else if (is(a, "bell")) {
    for (uint64_t times = number_of(a, "times", 1); times > 0; times--) ring_bell(p);
  } else return false;
  return true;
}

static bool run_with_peer(struct peer *p, const struct arguments *a) {
  int ms = (int)number_of(a, "ms", WAIT_MS);
  if (is(a, "answer")) read_frame(p, ms);
  else if (is(a, "cork")) p->isCorked = true;
  else if (is(a, "lazy")) p->isLazy = true;
  else if (is(a, "uncork")) p->isCorked = false, stream_flush(p);
  else if (is(a, "drain")) run_drain(p, a);
  else if (is(a, "ping")) run_ping(p, ms);
  else if (is(a, "requests")) run_requests(p, a);
  else if (is(a, "serve")) run_server(p, a);
  else if (is(a, "goodbye")) run_close(p, ms);
  else if (is(a, "read")) run_read(p, a);
  else if (is(a, "end")) run_end(p, a);
  else if (is(a, "shutdown")) run_shutdown(p, a);
  else if (is(a, "close")) replace(a->slot, NULL);
  else return run_output(p, a);
  return true;
}

static void run_line(char *text) {
  struct arguments a;
  if (!parse_line(text, &a) || run_without_peer(&a)) return;
  struct peer *p = slots[a.slot];
  if (p == NULL || !run_with_peer(p, &a)) {
    report(a.slot, a.operation);
    report_text("error", p == NULL ? "no such slot" : "no such operation");
    report_end();
  }
}

int main(void) {
  static char buffer[1 << 20];
  size_t start = 0, filled = 0;
  struct rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }
  for (;;) {
    char *end = memchr(buffer + start, '\n', filled - start);
    if (end == NULL) {
      memmove(buffer, buffer + start, filled - start);
      filled -= start;
      start = 0;
      fflush(stdout); /* Whoever reads it waits for it before the next line comes. */
      ssize_t count = read(STDIN_FILENO, buffer + filled, sizeof buffer - filled);
      if (count <= 0) return 0;
      filled += (size_t)count;
      continue;
    }
    *end = '\0';
    run_line(buffer + start);
    start = (size_t)(end - buffer) + 1;
  }
}
