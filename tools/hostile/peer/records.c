#include <stdlib.h>
#include <string.h>

#include "peer.h"

/*
 * Records, in the own ring or on the stream (via=ring|stream chooses against the handshake).
 * Overrides: rlen rkind rzero the header; at= the position in the ring; tail= what is put in
 * outTail afterwards; noTail=1 leaves outTail; bell=0|1 instead of what the page says; force=1 does
 * not wait for room; gap=before|after|none where the filling bytes of a stream go: after the record,
 * or, which the page allows as well, not before the next one (`lazy` does that for all).
 */

static void write_stream(struct peer *p, const struct arguments *a, const struct bytes *record) {
  struct bytes whole = {0};
  const char *gap = text_of(a, "gap", p->isLazy ? "before" : "after");
  static const uint8_t filling[8] = {0xee, 0xee, 0xee, 0xee, 0xee, 0xee, 0xee, 0xee};
  if (strcmp(gap, "none") != 0) put(&whole, filling, (8 - p->outBytes % 8) % 8);
  put(&whole, record->at, record->length);
  if (strcmp(gap, "after") == 0) put(&whole, filling, (8 - record->length % 8) % 8);
  stream_send(p, &whole, NULL, 0);
  free(whole.at);
}

static bool has_room(struct peer *p, uint32_t wanted) {
  if (p->theirs.at == NULL) return true;
  return p->own.ringBytes - (p->tail - word_get(&p->theirs, WORD_HEAD)) >= wanted;
}

/* Waits for room, or for free sections, as 4.3 says; the other side may wait for us meanwhile. */
bool wait_for(struct peer *p, bool (*isThere)(struct peer *, uint32_t), uint32_t wanted) {
  int64_t until = now_ms() + WAIT_MS;
  while (!isThere(p, wanted)) {
    uint32_t epoch = word_get(&p->own, WORD_SPACE) + 1;
    word_set(&p->own, WORD_SPACE, epoch);
    if (!isThere(p, wanted) && !p->isEnded) stream_wait(p, 20);
    word_set(&p->own, WORD_SPACE, epoch + 1);
    if (p->isEnded || p->violation != NULL || now_ms() >= until) return false;
    collect_messages(p);
  }
  return true;
}

static void advance(struct peer *p, const struct arguments *a, uint32_t by) {
  p->tail += by;
  if (number_of(a, "noTail", 0) == 0) word_set(&p->own, WORD_TAIL, (uint32_t)number_of(a, "tail", p->tail));
}

static void write_ring(struct peer *p, const struct arguments *a, const struct bytes *record) {
  uint32_t size = p->own.ringBytes;
  uint32_t length = ((uint32_t)record->length + 7) & ~7u;
  bool isForced = number_of(a, "force", 0) != 0;
  uint32_t left = size - p->tail % size;
  if (left < length && length <= size) {
    if (!isForced && !wait_for(p, has_room, left)) return report_error(p, "message", "no room");
    uint8_t *at = p->own.at + REGION_HEADER_BYTES + p->tail % size;
    uint32_t padding[] = {left, RECORD_PADDING};
    memcpy(at, padding, sizeof padding);
    advance(p, NULL, left);
  }
  if (!isForced && !wait_for(p, has_room, length)) return report_error(p, "message", "no room");
  uint32_t position = (uint32_t)number_of(a, "at", p->tail) % size;
  size_t fits = record->length < size - position ? record->length : size - position;
  memcpy(p->own.at + REGION_HEADER_BYTES + position, record->at, fits);
  advance(p, a, length);
}

void write_record(struct peer *p, const struct arguments *a, const struct bytes *body) {
  struct bytes record = {0};
  bool isRing = p->carrier == CARRIER_SHM || (p->carrier == CARRIER_NONE && p->own.at != NULL);
  const char *via = text_of(a, "via", isRing ? "ring" : "stream");
  put_u32(&record, (uint32_t)number_of(a, "rlen", RECORD_HEADER_BYTES + body->length));
  put_u16(&record, (uint16_t)number_of(a, "rkind", RECORD_MESSAGE));
  put_u16(&record, (uint16_t)number_of(a, "rzero", 0));
  put(&record, body->at, body->length);
  if (strcmp(via, "ring") == 0 && p->own.at != NULL) {
    write_ring(p, a, &record);
    uint64_t bell = number_of(a, "bell", p->theirs.at == NULL ? 1 : 2);
    if (bell == 1) ring_bell(p);
    if (bell == 2) ring_bell_if_wanted(p, WORD_SLEEP, &p->rungSleep);
  } else {
    write_stream(p, a, &record);
  }
  free(record.at);
}

void ring_bell(struct peer *p) {
  uint8_t bell = TOKEN_DOORBELL;
  struct bytes token = {.at = &bell, .length = 1};
  stream_send(p, &token, NULL, 0);
}

/* After outTail, inHead or sectionsConsumed was advanced: never more than once for one sleep. */
void ring_bell_if_wanted(struct peer *p, uint32_t word, uint32_t *last) {
  if (p->theirs.at == NULL) return;
  uint32_t epoch = word_get(&p->theirs, word);
  if (epoch % 2 == 0 || epoch == *last) return;
  *last = epoch;
  ring_bell(p);
}

static bool next_ring_record(struct peer *p, struct bytes *body) {
  for (;;) {
    uint32_t there = word_get(&p->theirs, WORD_TAIL) - p->head;
    uint32_t size = p->theirs.ringBytes;
    uint32_t position = p->head % size;
    if (there == 0) return false;
    if (there > size || there % 8 != 0) p->violation = "outTail is impossible";
    const uint8_t *at = p->theirs.at + REGION_HEADER_BYTES + position;
    uint32_t length = get_u32(at);
    uint32_t aligned = (length + 7) & ~7u;
    bool fits = length >= RECORD_HEADER_BYTES && aligned <= there && aligned <= size - position;
    if (!fits) p->violation = "a record's length is impossible";
    uint16_t kind = get_u16(at + 4);
    if (get_u16(at + 6) != 0) p->violation = "a record's reserved bytes are not 0";
    if (kind != RECORD_MESSAGE && kind != RECORD_PADDING) p->violation = "a record's kind is unknown";
    if (kind == RECORD_PADDING && length != size - position) p->violation = "padding is not the rest";
    if (kind == RECORD_MESSAGE && length > size / 2) p->violation = "a record is over half a ring";
    if (p->violation != NULL) return false;
    if (kind == RECORD_MESSAGE) put(body, at + RECORD_HEADER_BYTES, length - RECORD_HEADER_BYTES);
    p->head += aligned;
    word_set(&p->own, WORD_HEAD, p->head);
    ring_bell_if_wanted(p, WORD_SPACE, &p->rungSpace);
    if (kind == RECORD_MESSAGE) return true;
  }
}

static bool next_stream_record(struct peer *p, struct bytes *body) {
  uint64_t gap = (8 - (p->inStart - p->recordAt) % 8) % 8;
  if (p->in.length < gap + RECORD_HEADER_BYTES) return false;
  const uint8_t *at = p->in.at + gap;
  uint32_t length = get_u32(at);
  if (length < RECORD_HEADER_BYTES) p->violation = "a record's length is impossible";
  if (get_u16(at + 4) != RECORD_MESSAGE) p->violation = "a record's kind is unknown";
  if (get_u16(at + 6) != 0) p->violation = "a record's reserved bytes are not 0";
  if (p->violation != NULL || p->in.length < gap + length) return false;
  put(body, at + RECORD_HEADER_BYTES, length - RECORD_HEADER_BYTES);
  take_front(&p->in, gap + length);
  p->inStart += gap + length;
  return true;
}

bool next_record(struct peer *p, struct bytes *body) {
  if (p->violation != NULL) return false;
  body->length = 0;
  if (p->carrier == CARRIER_SHM) {
    take_tokens(p);
    return p->theirs.at != NULL && next_ring_record(p, body);
  }
  return p->carrier == CARRIER_STREAM && next_stream_record(p, body);
}
