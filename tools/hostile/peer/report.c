#include <inttypes.h>
#include <stdio.h>

#include "peer.h"

/* One JSON object for each line. Texts are of this program's making: nothing needs escaping. */

void report(int slot, const char *operation) {
  printf("{\"slot\":%d,\"operation\":\"%s\"", slot, operation);
}

void report_number(const char *key, uint64_t value) { printf(",\"%s\":%" PRIu64, key, value); }

void report_text(const char *key, const char *value) { printf(",\"%s\":\"%s\"", key, value); }

void report_bool(const char *key, bool value) { printf(",\"%s\":%s", key, value ? "true" : "false"); }

void report_hex(const char *key, const uint8_t *at, size_t length) {
  printf(",\"%s\":\"", key);
  for (size_t index = 0; index < length; index++) printf("%02x", at[index]);
  printf("\"");
}

void report_end(void) { printf("}\n"); }

static uint32_t checksum(const uint8_t *at, size_t length) {
  uint32_t sum = 0x811c9dc5u;
  for (size_t index = 0; index < length; index++) sum = (sum ^ at[index]) * 0x01000193u;
  return sum;
}

void report_message(const struct peer *p, const char *operation, const struct message *m) {
  report(p->slot, operation);
  report_number("type", m->type);
  report_number("mode", m->mode);
  report_number("flags", m->flags);
  report_number("id", m->id);
  report_number("callbackId", m->callbackId);
  report_number("mask", m->mask);
  report_number("status", m->status);
  report_number("dataLength", m->dataLength);
  report_number("checksum", checksum(m->data, m->dataLength));
  report_hex("data", m->data, m->dataLength < 128 ? m->dataLength : 128);
  report_end();
}

void report_error(const struct peer *p, const char *operation, const char *what) {
  report(p->slot, operation);
  report_text("error", what);
  report_end();
}
