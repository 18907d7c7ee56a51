#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "client.h"

struct peer *open_connection(const struct arguments *a) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  char ring[16];
  snprintf(address.sun_path, sizeof address.sun_path, "%s", text_of(a, "path", ""));
  snprintf(ring, sizeof ring, "%u", (unsigned)number_of(a, "ring", 65536));
  const struct arguments frame = {
      .operation = "frame",
      .count = 3,
      .keys = {"shm", "ring", "a13"},
      .values = {"1", ring, "8"},
  };
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int yes = 1;
  setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes);
  struct peer *p = peer_new(0, fd);
  bool isConnected = connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
  if (isConnected) send_frame(p, &frame);
  if (isConnected && read_frame(p, 10 * WAIT_MS) && p->carrier == CARRIER_SHM) return p;
  peer_free(p);
  return NULL;
}

/* `number u32`, then a pattern that is another one for every number. */
static struct bytes numbered(uint32_t number, size_t size) {
  struct bytes data = {0};
  put_u32(&data, number);
  while (data.length < size) {
    uint8_t byte = (uint8_t)(data.length * 7 + number * 13);
    put(&data, &byte, 1);
  }
  return data;
}

struct publication prepare(struct peer *p, uint32_t number, size_t size) {
  struct publication m = {.data = numbered(number, size), .id = p->nextId++};
  uint8_t small[] = {REQUEST, 0};
  put_u32(&m.record, (uint32_t)(RECORD_HEADER_BYTES + MESSAGE_HEADER_BYTES + m.data.length));
  put_u32(&m.record, RECORD_MESSAGE);
  put_u32(&m.record, (uint32_t)m.data.length);
  put_u32(&m.record, (uint32_t)(MESSAGE_HEADER_BYTES + m.data.length));
  put(&m.record, small, sizeof small);
  put_u16(&m.record, 0);
  put_u32(&m.record, m.id);
  put_u32(&m.record, 0);
  put_u32(&m.record, p->sequenceOut);
  put_u32(&m.record, 0);
  put_u32(&m.record, 0);
  put(&m.record, m.data.at, m.data.length);
  while (m.record.length % 8 != 0) put(&m.record, "", 1);
  return m;
}

static void fill_up(struct peer *p, uint32_t left) {
  uint32_t padding[] = {left, RECORD_PADDING};
  memcpy(p->own.at + REGION_HEADER_BYTES + p->tail % p->own.ringBytes, padding, sizeof padding);
  p->tail += left;
  word_set(&p->own, WORD_TAIL, p->tail);
}

/* Every word is a store of its own, so that there is an instruction between any two of them. */
static void write_words(struct peer *p, const struct publication *m, bool isTailFirst) {
  uint32_t length = (uint32_t)m->record.length, size = p->own.ringBytes;
  uint32_t left = size - p->tail % size;
  if (left < length) fill_up(p, left);
  uint8_t *start = p->own.at + REGION_HEADER_BYTES + p->tail % size;
  volatile uint64_t *to = (volatile uint64_t *)(void *)start;
  p->tail += length;
  p->sequenceOut++;
  if (isTailFirst) word_set(&p->own, WORD_TAIL, p->tail);
  for (uint32_t index = 0; index < length / 8; index++) {
    uint64_t word;
    memcpy(&word, m->record.at + 8 * index, sizeof word);
    to[index] = word;
  }
  if (!isTailFirst) word_set(&p->own, WORD_TAIL, p->tail);
}

/* Planted when the tail goes first: what is published is not there yet. */
void publish_by_words(struct peer *p, const struct publication *m, bool isTailFirst) {
  write_words(p, m, isTailFirst);
  ring_bell_if_wanted(p, WORD_SLEEP, &p->rungSleep);
}

void publish_by_peer(struct peer *p, const struct publication *m) {
  write_message(p, &(struct outgoing){.type = REQUEST, .id = m->id}, &m->data);
}

void publish_without_bell(struct peer *p, uint32_t number, size_t size) {
  struct publication m = prepare(p, number, size);
  write_words(p, &m, false);
}
