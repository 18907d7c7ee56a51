#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "peer.h"

/* What a peer that keeps to the page does. */

static bool has_sections(struct peer *p, uint32_t count) {
  return IN_FLIGHT_MAX - (p->sectionsSent - word_get(&p->theirs, WORD_SECTIONS)) >= count;
}

/* By section where it is too long for the ring, or for inlineLimit. */
static bool goes_by_section(const struct peer *p, size_t length) {
  if (p->carrier != CARRIER_SHM) return false;
  size_t record = length + RECORD_HEADER_BYTES + MESSAGE_HEADER_BYTES;
  return length > p->agreed[INLINE_LIMIT] || record > p->own.ringBytes / 2;
}

void write_message(struct peer *p, const struct outgoing *head, const struct bytes *data) {
  static const struct arguments none = {0};
  bool isSection = goes_by_section(p, data->length);
  if (isSection && !wait_for(p, has_sections, 1)) return;
  uint32_t section = isSection ? send_section(p, data) : 0;
  struct bytes body = {0};
  uint8_t small[] = {head->type, isSection};
  put_u32(&body, (uint32_t)data->length);
  put_u32(&body, (uint32_t)(MESSAGE_HEADER_BYTES + (isSection ? 16 : data->length)));
  put(&body, small, sizeof small);
  put_u16(&body, head->flags);
  put_u32(&body, head->id);
  put_u32(&body, 0);
  put_u32(&body, p->sequenceOut++);
  put_u32(&body, 0);
  put_u16(&body, isSection);
  put_u16(&body, head->status);
  if (isSection) {
    put_u32(&body, section);
    put_u32(&body, 0);
    put_u64(&body, data->length);
  } else {
    put(&body, data->at, data->length);
  }
  write_record(p, &none, &body);
  free(body.at);
}

static bool is_half(uint32_t took, uint32_t told, uint32_t limit) { return took - told >= limit / 2; }

static void tell_credit(struct peer *p) {
  bool isDue = is_half(p->tookMessages, p->toldMessages, p->agreed[MAX_QUEUED_MESSAGES]) ||
               is_half(p->tookBytes, p->toldBytes, p->agreed[MAX_POOL_USAGE]);
  if (!isDue || p->tookMessages == p->toldMessages) return;
  struct bytes data = {0};
  put_u32(&data, p->toldMessages = p->tookMessages);
  put_u32(&data, p->toldBytes = p->tookBytes);
  write_message(p, &(struct outgoing){.type = CREDIT}, &data);
  free(data.at);
}

static void note_credit(struct peer *p, const struct message *m) {
  uint32_t messages = get_u32(m->data), bytes = get_u32(m->data + 4);
  bool isForward = messages - p->creditMessages <= p->sentMessages - p->creditMessages &&
                   bytes - p->creditBytes <= p->sentBytes - p->creditBytes;
  if (!isForward) p->violation = "credit goes back, or over what was sent";
  p->creditMessages = messages;
  p->creditBytes = bytes;
}

void attend(struct peer *p, const struct message *m) {
  struct bytes none = {0};
  if (m->type == CREDIT) note_credit(p, m);
  if (m->type == PING) write_message(p, &(struct outgoing){.type = PONG, .id = m->id}, &none);
  if (m->type == REQUEST) p->lastRequestId = m->id;
  if (m->type != REQUEST && m->type != DATAGRAM) return;
  p->tookMessages++;
  p->tookBytes += m->dataLength;
  tell_credit(p);
}

static void report_fault(struct peer *p) {
  if (p->violation != NULL) report_text("violation", p->violation);
  report_bool("ended", p->isEnded);
}

/* `ping`: whether the connection lives. Whatever comes before the PONG is reported. */
void run_ping(struct peer *p, int ms) {
  struct bytes none = {0};
  int64_t until = now_ms() + ms;
  uint32_t id = p->nextId++;
  bool isAlive = false;
  stream_read(p);
  if (!p->isEnded && p->carrier != CARRIER_NONE) {
    write_message(p, &(struct outgoing){.type = PING, .id = id}, &none);
    struct message *m;
    while (!isAlive && (m = wait_message(p, (int)(until - now_ms()))) != NULL) {
      attend(p, m);
      isAlive = m->type == PONG && m->id == id;
      if (!isAlive) report_message(p, "message", m);
      message_free(m);
    }
  }
  report(p->slot, "ping");
  report_bool("alive", isAlive);
  report_fault(p);
  report_end();
}

static struct bytes pattern(size_t length, uint32_t seed) {
  struct bytes data = {.at = malloc(length + 1), .length = length, .capacity = length};
  if (data.at == NULL) abort();
  for (size_t index = 0; index < length; index++) data.at[index] = (uint8_t)(index * 7 + seed);
  return data;
}

static bool may_send(const struct peer *p) {
  return p->sentMessages - p->creditMessages < p->agreed[MAX_QUEUED_MESSAGES] &&
         p->sentBytes - p->creditBytes < p->agreed[MAX_POOL_USAGE];
}

/* `requests`: count= requests of size= bytes to a server that echoes, window= of them under way. */
void run_requests(struct peer *p, const struct arguments *a) {
  uint64_t count = number_of(a, "count", 1), size = number_of(a, "size", 0);
  uint64_t window = number_of(a, "window", 1), sent = 0, replied = 0, wrong = 0, others = 0;
  int64_t until = now_ms() + (int64_t)number_of(a, "ms", WAIT_MS);
  stream_read(p);
  while (replied < count && !p->isEnded && p->violation == NULL && now_ms() < until) {
    while (sent < count && sent - replied < window && may_send(p)) {
      uint32_t id = p->nextId++;
      struct bytes data = pattern(size, id);
      write_message(p, &(struct outgoing){.type = REQUEST, .id = id}, &data);
      p->sentMessages++;
      p->sentBytes += (uint32_t)size;
      sent++;
      free(data.at);
    }
    struct message *m = wait_message(p, (int)(until - now_ms()));
    if (m == NULL) continue;
    attend(p, m);
    struct bytes wanted = pattern(size, m->id);
    bool isReply = m->type == REPLY;
    bool isSame = m->status == 0 && m->dataLength == size && (size == 0 || memcmp(m->data, wanted.at, size) == 0);
    replied += isReply;
    wrong += isReply && !isSame;
    others += !isReply && m->type != CREDIT;
    free(wanted.at);
    message_free(m);
  }
  report(p->slot, "requests");
  report_number("replied", replied);
  report_number("wrong", wrong);
  report_number("others", others);
  report_fault(p);
  report_end();
}

/* `serve`: echoes until the client closes, count= requests came, or ms= are over. */
void run_server(struct peer *p, const struct arguments *a) {
  uint64_t count = number_of(a, "count", UINT64_MAX), requests = 0, datagrams = 0;
  int64_t until = now_ms() + (int64_t)number_of(a, "ms", WAIT_MS);
  bool isClosed = false;
  while (!isClosed && requests < count && p->violation == NULL && now_ms() < until) {
    struct message *m = wait_message(p, (int)(until - now_ms()));
    /* Behind the end of the stream there may still be records that were not read. */
    if (m == NULL && p->isEnded) break;
    if (m == NULL) continue;
    struct bytes data = {.at = m->data, .length = m->dataLength};
    if (m->type == REQUEST) write_message(p, &(struct outgoing){.type = REPLY, .id = m->id}, &data);
    attend(p, m);
    requests += m->type == REQUEST;
    datagrams += m->type == DATAGRAM;
    isClosed = m->type == CLOSE;
    message_free(m);
  }
  if (isClosed) shutdown(p->fd, SHUT_RDWR);
  report(p->slot, "serve");
  report_number("requests", requests);
  report_number("datagrams", datagrams);
  report_bool("closed", isClosed);
  report_fault(p);
  report_end();
}

/* `goodbye`: CLOSE, and the end of the stream that it brings. */
void run_close(struct peer *p, int ms) {
  struct bytes none = {0};
  int64_t until = now_ms() + ms;
  stream_read(p);
  if (!p->isEnded) write_message(p, &(struct outgoing){.type = CLOSE}, &none);
  while (!p->isEnded && now_ms() < until) stream_wait(p, (int)(until - now_ms()));
  shutdown(p->fd, SHUT_RDWR);
  report(p->slot, "goodbye");
  report_fault(p);
  report_end();
}
