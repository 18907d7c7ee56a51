#define _GNU_SOURCE
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "peer.h"

bool parse_line(char *line, struct arguments *into) {
  char *rest = NULL;
  char *slot = strtok_r(line, " \n", &rest);
  char *operation = slot == NULL ? NULL : strtok_r(NULL, " \n", &rest);
  if (operation == NULL) return false;
  into->slot = atoi(slot);
  into->operation = operation;
  into->count = 0;
  char *word;
  while ((word = strtok_r(NULL, " \n", &rest)) != NULL && into->count < ARGUMENTS_MAX) {
    char *equals = strchr(word, '=');
    if (equals != NULL) *equals = '\0';
    into->keys[into->count] = word;
    into->values[into->count++] = equals == NULL ? word + strlen(word) : equals + 1;
  }
  return into->slot >= 0 && into->slot < SLOTS_MAX;
}

bool has(const struct arguments *a, const char *key) { return text_of(a, key, NULL) != NULL; }

const char *text_of(const struct arguments *a, const char *key, const char *otherwise) {
  for (int index = 0; a != NULL && index < a->count; index++) {
    if (strcmp(a->keys[index], key) == 0) return a->values[index];
  }
  return otherwise;
}

uint64_t number_of(const struct arguments *a, const char *key, uint64_t otherwise) {
  const char *text = text_of(a, key, NULL);
  if (text == NULL) return otherwise;
  if (text[0] == '-') return (uint64_t)strtoll(text, NULL, 0);
  return strtoull(text, NULL, 0);
}

static int hex_digit(char digit) {
  if (isdigit((unsigned char)digit)) return digit - '0';
  return tolower((unsigned char)digit) - 'a' + 10;
}

struct bytes bytes_of(const struct arguments *a, const char *key) {
  struct bytes found = {0};
  char name[64];
  const char *hex = text_of(a, key, NULL);
  for (; hex != NULL && hex[0] != '\0' && hex[1] != '\0'; hex += 2) {
    uint8_t byte = (uint8_t)(hex_digit(hex[0]) << 4 | hex_digit(hex[1]));
    put(&found, &byte, 1);
  }
  snprintf(name, sizeof name, "%sText", key);
  const char *text = text_of(a, name, "");
  put(&found, text, strlen(text));
  snprintf(name, sizeof name, "%sSize", key);
  uint64_t size = number_of(a, name, 0);
  for (uint64_t index = 0; index < size; index++) {
    uint8_t byte = (uint8_t)(index * 7 + size);
    put(&found, &byte, 1);
  }
  return found;
}

void put(struct bytes *into, const void *from, size_t length) {
  if (into->length + length > into->capacity) {
    into->capacity = (into->length + length) * 2 + 64;
    into->at = realloc(into->at, into->capacity);
    if (into->at == NULL) abort();
  }
  if (length > 0) memcpy(into->at + into->length, from, length);
  into->length += length;
}

void put_u16(struct bytes *into, uint16_t value) {
  uint8_t bytes[] = {(uint8_t)value, (uint8_t)(value >> 8)};
  put(into, bytes, sizeof bytes);
}

void put_u32(struct bytes *into, uint32_t value) {
  put_u16(into, (uint16_t)value);
  put_u16(into, (uint16_t)(value >> 16));
}

void put_u64(struct bytes *into, uint64_t value) {
  put_u32(into, (uint32_t)value);
  put_u32(into, (uint32_t)(value >> 32));
}

void take_front(struct bytes *from, size_t length) {
  memmove(from->at, from->at + length, from->length - length);
  from->length -= length;
}

uint16_t get_u16(const uint8_t *at) { return (uint16_t)(at[0] | at[1] << 8); }

uint32_t get_u32(const uint8_t *at) { return get_u16(at) | (uint32_t)get_u16(at + 2) << 16; }

uint64_t get_u64(const uint8_t *at) { return get_u32(at) | (uint64_t)get_u32(at + 4) << 32; }
