#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "peer.h"

/*
 * `frame` sends a handshake frame. By default a good CONNECT_REQUEST, or a good ACCEPT or REJECT
 * with type=2 or 3; shm=1 passes a region. Every field can be overridden: magic type vmin vmax zero
 * features hash ringBytes length attributeCount attributeN wanted tracking effectiveOnly zero2
 * infoLength info status statusZero payload; region= the kind of descriptor, fds= others than it;
 * cut= bytes that stay away, first= those that are sent, more= bytes that follow; later=1 sends the
 * first byte alone, and the descriptors with the rest.
 */

static struct bytes payload_of(struct peer *p, const struct arguments *a, uint64_t type) {
  struct bytes payload = {0};
  if (has(a, "payload") || has(a, "payloadSize")) return bytes_of(a, "payload");
  struct bytes info = bytes_of(a, "info");
  uint64_t infoLength = number_of(a, "infoLength", info.length);
  if (type == FRAME_REJECT) {
    put_u16(&payload, (uint16_t)number_of(a, "status", 5));
    put_u16(&payload, (uint16_t)number_of(a, "statusZero", 0));
  } else {
    uint64_t count = number_of(a, "attributeCount", ATTRIBUTES);
    uint64_t present = number_of(a, "attributesPresent", count);
    put_u32(&payload, (uint32_t)count);
    for (uint64_t index = 0; index < present && index < 20000; index++) {
      char name[] = {'a', (char)('0' + index / 10), (char)('0' + index % 10), '\0'};
      uint32_t value = index < ATTRIBUTES ? p->ownAttributes[index] : 0xffffffffu;
      if (index < ATTRIBUTES) value = (uint32_t)number_of(a, name, value);
      if (index < ATTRIBUTES) p->ownAttributes[index] = value;
      put_u32(&payload, value);
    }
    put_u32(&payload, (uint32_t)number_of(a, "wanted", 0));
    uint8_t flags[] = {(uint8_t)number_of(a, "tracking", 0), (uint8_t)number_of(a, "effectiveOnly", 0)};
    put(&payload, flags, sizeof flags);
    put_u16(&payload, (uint16_t)number_of(a, "zero2", 0));
  }
  put_u32(&payload, (uint32_t)infoLength);
  put(&payload, info.at, info.length);
  free(info.at);
  return payload;
}

static void agree(struct peer *p, const uint8_t *theirs, uint32_t count) {
  for (uint32_t index = 0; index < count && index < ATTRIBUTES; index++) {
    uint32_t own = p->ownAttributes[index];
    uint32_t other = get_u32(theirs + 4 * index);
    p->agreed[index] = index == 13 ? (own & other) : own < other ? own : other;
  }
}

static void start_records(struct peer *p, enum carrier carrier) {
  p->carrier = carrier;
  p->outBytes = 0;
}

static struct bytes header_of(const struct arguments *a, uint64_t type, const struct region *region) {
  struct bytes frame = {0};
  bool isShared = number_of(a, "shm", 0) != 0;
  put_u32(&frame, (uint32_t)number_of(a, "magic", FRAME_MAGIC));
  uint8_t small[] = {(uint8_t)type, (uint8_t)number_of(a, "vmin", 2), (uint8_t)number_of(a, "vmax", 2),
                     (uint8_t)number_of(a, "zero", 0)};
  put(&frame, small, sizeof small);
  put_u32(&frame, (uint32_t)number_of(a, "features", isShared ? FEATURE_SHARED_MEMORY : 0));
  put_u32(&frame, (uint32_t)number_of(a, "hash", isShared ? LAYOUT_HASH : 0));
  put_u32(&frame, (uint32_t)number_of(a, "ringBytes", isShared ? region->ringBytes : 0));
  return frame;
}

void send_frame(struct peer *p, const struct arguments *a) {
  uint64_t type = number_of(a, "type", FRAME_REQUEST);
  bool isShared = number_of(a, "shm", 0) != 0;
  uint32_t ringBytes = (uint32_t)number_of(a, "ring", 65536);
  int fds[FDS_MAX];
  int count = 0;
  if (isShared && p->own.at == NULL) region_create(&p->own, text_of(a, "region", "good"), ringBytes);
  /* Another frame comes with another descriptor. */
  if (isShared && p->own.fd < 0) p->own.fd = make_descriptor("good", ringBytes);
  if (isShared && p->own.fd >= 0) fds[count++] = p->own.fd;
  if (has(a, "fds")) count = make_descriptors(text_of(a, "fds", ""), ringBytes, fds);
  struct bytes payload = payload_of(p, a, type);
  struct bytes frame = header_of(a, type, &p->own);
  put_u32(&frame, (uint32_t)number_of(a, "length", payload.length));
  put(&frame, payload.at, payload.length);
  struct bytes more = bytes_of(a, "more");
  put(&frame, more.at, more.length);
  size_t first = number_of(a, "first", frame.length);
  size_t cut = number_of(a, "cut", 0);
  if (first < frame.length) frame.length = first;
  frame.length -= cut < frame.length ? cut : frame.length - 1;
  if (has(a, "later")) {
    struct bytes start = {.at = frame.at, .length = 1};
    stream_send(p, &start, NULL, 0);
    stream_drained(p, WAIT_MS);
    take_front(&frame, 1);
  }
  stream_send(p, &frame, fds, count);
  if (has(a, "fds")) close_all(fds, count);
  else if (p->own.fd >= 0 && isShared) close(p->own.fd), p->own.fd = -1;
  free(more.at);
  free(payload.at);
  free(frame.at);
  /* A server goes on with records as soon as it has accepted. */
  if (type == FRAME_ACCEPT) start_records(p, isShared ? CARRIER_SHM : CARRIER_STREAM);
}

static const char *take_payload(struct peer *p, const uint8_t *at, uint32_t length) {
  if (length < 4) return "payload is too short";
  uint32_t count = get_u32(at);
  if (count < ATTRIBUTES || count > 256) return "attributeCount is not 16 to 256";
  if (length < 4 + 4 * count + 12) return "payload is too short";
  const uint8_t *rest = at + 4 + 4 * count;
  uint32_t infoLength = get_u32(rest + 8);
  if (get_u16(rest + 6) != 0) return "payload has bits that are not 0";
  if (infoLength != length - (4 + 4 * count + 12)) return "infoLength is not what follows";
  for (uint32_t index = 0; index < ATTRIBUTES; index++) {
    uint32_t value = get_u32(at + 4 + 4 * index);
    uint32_t low = index == 13 || index == 14 ? 0 : 1;
    uint32_t high = index == 13 ? 31 : index == 14 ? 2 : 0x7fffffff;
    if (value < low || value > high) return "an attribute is out of its range";
  }
  agree(p, at + 4, count);
  report_hex("attributes", at + 4, 4 * ATTRIBUTES);
  report_number("wanted", get_u32(rest));
  report_number("tracking", rest[4]);
  report_hex("info", rest + 12, infoLength < 256 ? infoLength : 256);
  return NULL;
}

static const char *take_shared(struct peer *p, const uint8_t *frame, uint64_t at) {
  if (get_u32(frame + 12) != LAYOUT_HASH) return "layoutHash is another";
  int fd = take_descriptor(p, at);
  if (fd < 0) return "no region came with the first byte";
  const char *fault = region_take(&p->theirs, fd, get_u32(frame + 16));
  close(fd);
  return fault;
}

/* What the frame says, checked; its JSON line is open. NULL, or what is wrong with it. */
static const char *take_frame(struct peer *p, uint32_t length) {
  const uint8_t *frame = p->in.at;
  uint32_t features = get_u32(frame + 8);
  report_number("type", frame[4]);
  report_number("vmin", frame[5]);
  report_number("vmax", frame[6]);
  report_number("features", features);
  report_number("ringBytes", get_u32(frame + 16));
  report_number("payloadLength", length);
  if (p->knowsSender) report_number("senderPid", p->senderPid);
  if (get_u32(frame) != FRAME_MAGIC || frame[7] != 0) return "magic or byte 7";
  if (features & ~7u) return "unknown features";
  if (frame[4] == FRAME_REJECT) {
    if (length == 0) return NULL;
    report_number("status", get_u16(frame + 24));
    if (length < 8 || get_u32(frame + 28) != length - 8) return "infoLength is not what follows";
    report_hex("info", frame + 32, length - 8 < 256 ? length - 8 : 256);
    return NULL;
  }
  const char *fault = take_payload(p, frame + FRAME_HEADER_BYTES, length);
  bool isShared = (features & FEATURE_SHARED_MEMORY) != 0;
  if (!isShared && (get_u32(frame + 12) != 0 || get_u32(frame + 16) != 0)) fault = "words of no region";
  if (fault == NULL && isShared) fault = take_shared(p, frame, p->inStart);
  if (fault == NULL && frame[4] == FRAME_ACCEPT) start_records(p, isShared ? CARRIER_SHM : CARRIER_STREAM);
  return fault;
}

bool read_frame(struct peer *p, int ms) {
  int64_t until = now_ms() + ms;
  stream_flush(p);
  stream_read(p);
  for (;;) {
    uint32_t length = p->in.length < FRAME_HEADER_BYTES ? 0 : get_u32(p->in.at + 20);
    bool isWhole = p->in.length >= FRAME_HEADER_BYTES && p->in.length >= FRAME_HEADER_BYTES + length;
    if (isWhole && length <= PAYLOAD_BYTES_MAX) {
      report(p->slot, "frame");
      const char *fault = take_frame(p, length);
      if (fault != NULL) report_text("violation", fault);
      report_end();
      take_front(&p->in, FRAME_HEADER_BYTES + length);
      p->inStart += FRAME_HEADER_BYTES + length;
      p->recordAt = p->inStart;
      return fault == NULL;
    }
    bool isLate = now_ms() >= until;
    if (p->isEnded || isLate) {
      report_error(p, "frame", p->isEnded ? "ended" : "nothing came");
      return false;
    }
    stream_wait(p, (int)(until - now_ms()));
  }
}
