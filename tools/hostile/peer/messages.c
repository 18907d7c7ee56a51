#include <stdlib.h>
#include <string.h>

#include "peer.h"

/*
 * `message` writes one, of type= request|reply|…|N. Overrides: dlen tlen mode flags id cb seq mask
 * infos status; cb=last is the id of the last request that came; attrs= the bytes of the attributes, info= those of the data-infos, data= dataText=
 * dataSize= the data; section=ID makes mode 1 with a data-info that names it (dlen= its length).
 */

static uint8_t type_of(const struct arguments *a) {
  static const char *names[] = {"",       "request", "reply", "datagram", "cancel",
                                "close",  "credit",  "range", "ping",     "pong"};
  const char *name = text_of(a, "type", "request");
  for (uint8_t index = 1; index < 10; index++) {
    if (strcmp(names[index], name) == 0) return index;
  }
  return (uint8_t)number_of(a, "type", 0);
}

static bool bears_id(uint8_t type) { return type == REQUEST || type == RANGE || type == PING; }

static struct bytes info_of(const struct arguments *a, uint64_t dataLength) {
  struct bytes info = bytes_of(a, "info");
  if (!has(a, "section")) return info;
  put_u32(&info, (uint32_t)number_of(a, "section", 0));
  put_u32(&info, (uint32_t)number_of(a, "infoZero", 0));
  put_u64(&info, number_of(a, "infoLength", dataLength));
  return info;
}

static struct bytes body_of(struct peer *p, const struct arguments *a) {
  uint8_t type = type_of(a);
  struct bytes data = bytes_of(a, "data");
  struct bytes attributes = bytes_of(a, "attrs");
  uint64_t dataLength = number_of(a, "dlen", data.length);
  struct bytes info = info_of(a, dataLength);
  size_t total = MESSAGE_HEADER_BYTES + info.length + attributes.length + data.length;
  bool isSection = has(a, "section");
  uint32_t id = has(a, "id") || !bears_id(type) ? (uint32_t)number_of(a, "id", 0) : p->nextId++;
  struct bytes body = {0};
  put_u32(&body, (uint32_t)dataLength);
  put_u32(&body, (uint32_t)number_of(a, "tlen", total));
  uint8_t small[] = {type, (uint8_t)number_of(a, "mode", isSection ? 1 : 0)};
  put(&body, small, sizeof small);
  put_u16(&body, (uint16_t)number_of(a, "flags", 0));
  put_u32(&body, id);
  bool isLast = strcmp(text_of(a, "cb", ""), "last") == 0;
  put_u32(&body, isLast ? p->lastRequestId : (uint32_t)number_of(a, "cb", 0));
  put_u32(&body, (uint32_t)number_of(a, "seq", p->sequenceOut));
  put_u32(&body, (uint32_t)number_of(a, "mask", 0));
  put_u16(&body, (uint16_t)number_of(a, "infos", info.length / 16));
  put_u16(&body, (uint16_t)number_of(a, "status", 0));
  put(&body, info.at, info.length);
  put(&body, attributes.at, attributes.length);
  put(&body, data.at, data.length);
  p->sequenceOut++;
  if (type == REQUEST || type == DATAGRAM) p->sentMessages++, p->sentBytes += (uint32_t)dataLength;
  free(data.at);
  free(attributes.at);
  free(info.at);
  return body;
}

void send_message(struct peer *p, const struct arguments *a) {
  uint64_t times = number_of(a, "times", 1);
  for (uint64_t index = 0; index < times && !p->isEnded; index++) {
    struct bytes body = body_of(p, a);
    size_t cut = number_of(a, "bodyCut", 0);
    body.length -= cut < body.length ? cut : body.length;
    write_record(p, a, &body);
    free(body.at);
  }
}

static const char *fault_of(const struct peer *p, const struct message *m, size_t length) {
  bool isCounted = m->type == REQUEST || m->type == DATAGRAM;
  if (m->totalLength != length) return "totalLength is not the body's length";
  if (m->type < REQUEST || m->type > PONG) return "unknown type";
  if (m->sequence != p->sequenceIn) return "sequence has a gap";
  if (m->mode > 1 || (m->mode == 1 && p->carrier != CARRIER_SHM)) return "unknown mode";
  if (m->dataInfoCount != m->mode) return "dataInfoCount does not fit mode";
  if (m->dataLength > p->agreed[MAX_MESSAGE_LENGTH]) return "longer than maxMessageLength";
  bool isLong = m->mode == 0 && p->carrier == CARRIER_SHM && m->dataLength > p->agreed[INLINE_LIMIT];
  if (isLong) return "inline and longer than inlineLimit";
  if (m->type != REPLY && m->flags != 0) return "flags where none belong";
  if (m->type != REPLY && m->type != CLOSE && m->status != 0) return "status where none belongs";
  if (!isCounted && m->mask != 0) return "attributes where none belong";
  if (m->type != REQUEST && m->type != RANGE && m->callbackId != 0) return "callbackId where none belongs";
  bool wantsZero = m->type == DATAGRAM || m->type == CLOSE || m->type == CREDIT;
  if (wantsZero != (m->id == 0)) return "messageId is 0 where it must not be, or the other way round";
  if (m->type == CREDIT && m->dataLength != 8) return "credit is not 8 bytes";
  return NULL;
}

static void parse(struct message *m, const uint8_t *at) {
  *m = (struct message){
      .dataLength = get_u32(at),      .totalLength = get_u32(at + 4), .type = at[8],
      .mode = at[9],                  .flags = get_u16(at + 10),      .id = get_u32(at + 12),
      .callbackId = get_u32(at + 16), .sequence = get_u32(at + 20),   .mask = get_u32(at + 24),
      .dataInfoCount = get_u16(at + 28), .status = get_u16(at + 30),
  };
}

/* The data, inline or from its section. NULL, or what is wrong. */
static const char *take_data(struct peer *p, struct message *m, const struct bytes *body) {
  m->data = malloc(m->dataLength + 1);
  if (m->data == NULL) abort();
  if (m->mode == 0) {
    size_t before = body->length - m->dataLength; /* attributes are skipped: we want none */
    if (m->dataLength > body->length - MESSAGE_HEADER_BYTES) return "data is longer than the body";
    if (m->mask == 0 && before != MESSAGE_HEADER_BYTES) return "data is shorter than the body";
    memcpy(m->data, body->at + before, m->dataLength);
    return NULL;
  }
  const uint8_t *info = body->at + MESSAGE_HEADER_BYTES;
  if (body->length < MESSAGE_HEADER_BYTES + 16) return "no data-info";
  if (get_u32(info + 4) != 0 || get_u64(info + 8) != m->dataLength) return "data-info does not fit";
  stream_read(p);
  take_tokens(p);
  return take_section(p, get_u32(info), m->dataLength, m->data) ? NULL : "section was not announced";
}

struct message *next_message(struct peer *p) {
  struct bytes body = {0};
  struct message *m = NULL;
  if (next_record(p, &body)) {
    m = calloc(1, sizeof *m);
    if (m == NULL) abort();
    if (body.length < MESSAGE_HEADER_BYTES) {
      p->violation = "a message is shorter than its header";
    } else {
      parse(m, body.at);
      p->violation = fault_of(p, m, body.length);
      if (p->violation == NULL) p->violation = take_data(p, m, &body);
    }
    p->sequenceIn++;
    if (p->violation != NULL) message_free(m), m = NULL;
  }
  free(body.at);
  return m;
}

void collect_messages(struct peer *p) {
  struct message **last = &p->inbox;
  while (*last != NULL) last = &(*last)->next;
  while ((*last = next_message(p)) != NULL) last = &(*last)->next;
}

void message_free(struct message *m) {
  if (m != NULL) free(m->data);
  free(m);
}

/* Sleeps as 4.3 says: epoch odd, look once more, block, epoch even. */
static void sleep_for_records(struct peer *p, int ms) {
  if (p->carrier != CARRIER_SHM || p->theirs.at == NULL) {
    stream_wait(p, ms);
    return;
  }
  uint32_t epoch = word_get(&p->own, WORD_SLEEP) + 1;
  word_set(&p->own, WORD_SLEEP, epoch);
  if (word_get(&p->theirs, WORD_TAIL) == p->head) stream_wait(p, ms);
  word_set(&p->own, WORD_SLEEP, epoch + 1);
}

struct message *wait_message(struct peer *p, int ms) {
  int64_t until = now_ms() + ms;
  stream_flush(p);
  stream_read(p);
  for (;;) {
    struct message *m = p->inbox;
    if (m != NULL) p->inbox = m->next;
    else m = next_message(p);
    if (m != NULL || p->violation != NULL) return m;
    int64_t left = until - now_ms();
    if (p->isEnded || left <= 0) return NULL;
    sleep_for_records(p, (int)left);
  }
}
