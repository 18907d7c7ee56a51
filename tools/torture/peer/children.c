#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "client.h"

enum { FOREVER_MS = 600000, BATCH = 20, HANDLES_EACH = 4 };

static void tell(int readyFd) {
  if (write(readyFd, "r", 1) != 1) _exit(3);
}

static struct peer *open_or_exit(const struct arguments *a) {
  struct peer *p = open_connection(a);
  if (p == NULL) _exit(2);
  return p;
}

/* Calls on and on, of every way that a message can travel. */
void run_caller(const struct arguments *a, int readyFd) {
  static const char *sizes[] = {"8", "200", "5000", "40000"};
  struct peer *p = open_or_exit(a);
  tell(readyFd);
  for (unsigned round = 0; !p->isEnded && p->violation == NULL; round++) {
    const struct arguments requests = {
        .operation = "requests",
        .count = 4,
        .keys = {"count", "window", "size", "ms"},
        .values = {"20", "8", (char *)sizes[round % 4], "600000"},
    };
    run_requests(p, &requests);
  }
  _exit(4);
}

static void send_descriptors(struct peer *p, uint32_t batch) {
  char id[16], attributes[24];
  snprintf(id, sizeof id, "%u", batch);
  /* The HANDLE attribute: `batchId u32 | count u8 | 0 (3)`, in hexadecimal. */
  snprintf(attributes, sizeof attributes, "%02x%02x%02x%02x%02x000000", batch & 255,
           batch >> 8 & 255, batch >> 16 & 255, batch >> 24, HANDLES_EACH);
  const struct arguments token = {
      .operation = "token",
      .count = 4,
      .keys = {"kind", "id", "count", "fds"},
      .values = {"handles", id, "4", "good*4"},
  };
  const struct arguments message = {
      .operation = "message",
      .count = 4,
      .keys = {"type", "mask", "attrs", "dataText"},
      .values = {"request", "2", attributes, "held"},
  };
  send_token(p, &token);
  send_message(p, &message);
}

/* count= requests on each of connections= connections, with descriptors or without. */
void run_holder(const struct arguments *a, int readyFd) {
  uint64_t connections = number_of(a, "connections", 1), count = number_of(a, "count", 1);
  bool hasDescriptors = number_of(a, "descriptors", 0) != 0;
  uint8_t text[16] = {0};
  const struct bytes data = {.at = text, .length = sizeof text};
  for (uint64_t index = 0; index < connections; index++) {
    struct peer *p = open_or_exit(a);
    for (uint64_t number = 0; number < count; number++) {
      if (hasDescriptors) send_descriptors(p, (uint32_t)number + 1);
      else write_message(p, &(struct outgoing){.type = REQUEST, .id = p->nextId++}, &data);
    }
  }
  tell(readyFd);
  for (;;) pause();
}

void run_echo(const struct arguments *a, int readyFd) {
  struct peer *p = open_or_exit(a);
  const struct arguments serve = {
      .operation = "serve", .count = 1, .keys = {"ms"}, .values = {"600000"}};
  tell(readyFd);
  run_server(p, &serve);
  _exit(0);
}

/* Publishes count= messages and dies where it would ring. */
void run_bell(const struct arguments *a) {
  uint32_t count = (uint32_t)number_of(a, "count", 1);
  struct peer *p = open_or_exit(a);
  for (uint32_t index = 0; index < count; index++) {
    publish_without_bell(p, (uint32_t)number_of(a, "number", 0) + index, number_of(a, "size", 64));
  }
  kill(getpid(), SIGKILL);
  _exit(5);
}
