#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "peer.h"

/*
 * `storm ms= seed= [words=0|1] [ring=0|1]`: a second thread writes at random into the own region,
 * into its words, its header page and the records of its ring, while this one sends requests, rings
 * and reads replies. Straight after `answer`: every record is then 64 bytes at a multiple of 64.
 */

enum { RECORD_BYTES = 64, PAUSE_NS_MAX = 100000 };

struct storm {
  struct peer *p;
  uint32_t seed;
  bool hasWords, hasRing;
  atomic_bool isOver;
  uint64_t writes;
};

/* xorshift32: the same seed draws the same writes, if not at the same moments. */
static uint32_t draw(struct storm *s) {
  s->seed ^= s->seed << 13;
  s->seed ^= s->seed >> 17;
  s->seed ^= s->seed << 5;
  return s->seed;
}

static uint32_t any_value(struct storm *s, uint32_t now) {
  static const uint32_t values[] = {0, 1, 4, 7, 8, 9, 63, 64, 4096, 0x7fffffff, 0x80000000,
                                    0xfffffff8, 0xffffffff};
  switch (draw(s) % 4) {
    case 0: return now + 8 * (draw(s) % 64);
    case 1: return now - 8 * (draw(s) % 64);
    case 2: return values[draw(s) % (sizeof values / sizeof values[0])];
    default: return draw(s);
  }
}

static void spoil_word(struct storm *s) {
  static const uint32_t words[] = {WORD_TAIL, WORD_HEAD, WORD_SLEEP, WORD_SPACE, WORD_SECTIONS};
  uint32_t offset = words[draw(s) % 5];
  if (draw(s) % 8 == 0) offset = draw(s) % REGION_HEADER_BYTES & ~3u;
  word_set(&s->p->own, offset, any_value(s, word_get(&s->p->own, offset)));
}

/* Mostly a field of a record's or a message's header; else any byte. */
static void spoil_record(struct storm *s) {
  uint32_t ring = s->p->own.ringBytes;
  uint32_t record = draw(s) % (ring / RECORD_BYTES) * RECORD_BYTES;
  uint8_t *at = s->p->own.at + REGION_HEADER_BYTES;
  if (draw(s) % 4 == 0) {
    *(volatile uint8_t *)(at + draw(s) % ring) = (uint8_t)draw(s);
    return;
  }
  volatile uint32_t *field = (volatile uint32_t *)(void *)(at + record + draw(s) % 10 * 4);
  *field = any_value(s, *field);
}

static void *run_spoiler(void *from) {
  struct storm *s = from;
  while (!atomic_load(&s->isOver)) {
    bool isWord = s->hasWords && (!s->hasRing || draw(s) % 8 == 0);
    if (isWord) spoil_word(s);
    else if (s->hasRing) spoil_record(s);
    s->writes += isWord || s->hasRing;
    struct timespec pause = {.tv_nsec = (long)(draw(s) % PAUSE_NS_MAX)};
    if (draw(s) % 4 == 0) nanosleep(&pause, NULL);
  }
  return NULL;
}

/* A good request of 24 bytes, written without a look at what the other thread does. */
static bool push_request(struct peer *p) {
  uint32_t unread = p->tail - word_get(&p->theirs, WORD_HEAD);
  if (unread > p->own.ringBytes - RECORD_BYTES) return false;
  struct bytes record = {0};
  put_u32(&record, RECORD_BYTES);
  put_u32(&record, RECORD_MESSAGE);
  put_u32(&record, 24);
  put_u32(&record, RECORD_BYTES - RECORD_HEADER_BYTES);
  put_u32(&record, REQUEST);
  put_u32(&record, p->nextId++);
  put_u32(&record, 0);
  put_u32(&record, p->sequenceOut++);
  put_u64(&record, 0);
  while (record.length < RECORD_BYTES) put_u32(&record, p->tail);
  memcpy(p->own.at + REGION_HEADER_BYTES + p->tail % p->own.ringBytes, record.at, RECORD_BYTES);
  free(record.at);
  p->tail += RECORD_BYTES;
  word_set(&p->own, WORD_TAIL, p->tail);
  return true;
}

void run_storm(struct peer *p, const struct arguments *a) {
  struct storm s = {.p = p,
                    .seed = (uint32_t)number_of(a, "seed", 1) * 2654435761u | 1,
                    .hasWords = number_of(a, "words", 1) != 0,
                    .hasRing = number_of(a, "ring", 1) != 0};
  pthread_t spoiler;
  uint64_t sent = 0;
  int64_t until = now_ms() + (int64_t)number_of(a, "ms", 20);
  if (p->own.at == NULL || p->theirs.at == NULL) return report_error(p, "storm", "no rings");
  if (pthread_create(&spoiler, NULL, run_spoiler, &s) != 0) abort();
  while (!p->isEnded && now_ms() < until) {
    for (int burst = 0; burst < 8 && push_request(p); burst++) sent++;
    ring_bell(p);
    /* What comes back is taken off the ring unread: replies to what was spoilt may be anything. */
    word_set(&p->own, WORD_HEAD, word_get(&p->theirs, WORD_TAIL));
    stream_wait(p, 1);
    p->in.length = 0;
  }
  atomic_store(&s.isOver, true);
  pthread_join(spoiler, NULL);
  report(p->slot, "storm");
  report_number("writes", s.writes);
  report_number("sent", sent);
  report_bool("ended", p->isEnded);
  report_end();
}
