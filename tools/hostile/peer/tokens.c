#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "peer.h"

/*
 * `token` sends one: kind=section|handles|credentials|N; id= size= count= say what it says, zero=
 * its reserved bytes, sealed= the kind of a section; fds= the descriptors that come with it (of `size` bytes where they are
 * sections), later= those that come with its second byte, credentials=0 none; cut= bytes missing.
 */

static uint8_t kind_of(const struct arguments *a) {
  const char *kind = text_of(a, "kind", "section");
  if (strcmp(kind, "section") == 0) return TOKEN_SECTION;
  if (strcmp(kind, "handles") == 0) return TOKEN_HANDLES;
  if (strcmp(kind, "credentials") == 0) return TOKEN_CREDENTIALS;
  return (uint8_t)number_of(a, "kind", 0);
}

static void send_in_two(struct peer *p, struct bytes *token, const struct arguments *a, uint32_t size) {
  int fds[FDS_MAX];
  struct bytes first = {.at = token->at, .length = 1};
  struct bytes rest = {.at = token->at + 1, .length = token->length - 1};
  int count = make_descriptors(text_of(a, "fds", ""), size, fds);
  stream_send(p, &first, fds, count);
  close_all(fds, count);
  count = make_descriptors(text_of(a, "later", ""), size, fds);
  stream_send(p, &rest, fds, count);
  close_all(fds, count);
}

void send_token(struct peer *p, const struct arguments *a) {
  uint8_t kind = kind_of(a);
  uint32_t size = (uint32_t)number_of(a, "size", 4096);
  struct bytes token = {0};
  uint8_t head[] = {kind, 0, (uint8_t)number_of(a, "zero", 0), 0};
  if (kind == TOKEN_SECTION) head[1] = (uint8_t)number_of(a, "sealed", 0);
  if (kind == TOKEN_HANDLES) head[1] = (uint8_t)number_of(a, "count", 1);
  put(&token, head, sizeof head);
  put_u32(&token, (uint32_t)number_of(a, "id", p->nextSectionId));
  if (kind == TOKEN_SECTION) put_u64(&token, number_of(a, "size", 4096));
  if (kind == TOKEN_SECTION && !has(a, "id")) p->nextSectionId++;
  size_t cut = number_of(a, "cut", 0);
  token.length -= cut < token.length ? cut : 0;
  if (kind == TOKEN_CREDENTIALS && number_of(a, "credentials", 1) != 0) {
    stream_send_credentials(p, &token);
  } else if (has(a, "later")) {
    send_in_two(p, &token, a, size);
  } else {
    int fds[FDS_MAX];
    int count = make_descriptors(text_of(a, "fds", ""), (uint32_t)number_of(a, "realSize", size), fds);
    stream_send(p, &token, fds, count);
    close_all(fds, count);
  }
  free(token.at);
}

uint32_t send_section(struct peer *p, const struct bytes *data) {
  int fd = memfd_create("portcall-hostile", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  size_t done = 0;
  while (fd >= 0 && done < data->length) {
    ssize_t count = pwrite(fd, data->at + done, data->length - done, (off_t)done);
    if (count <= 0) break;
    done += (size_t)count;
  }
  fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
  uint32_t id = p->nextSectionId++;
  struct bytes token = {0};
  uint8_t head[] = {TOKEN_SECTION, 0, 0, 0};
  put(&token, head, sizeof head);
  put_u32(&token, id);
  put_u64(&token, data->length);
  stream_send(p, &token, &fd, 1);
  free(token.at);
  p->sectionsSent++;
  close(fd);
  return id;
}

static const char *take_section_token(struct peer *p) {
  int fd = take_descriptor(p, p->inStart);
  uint32_t id = get_u32(p->in.at + 4);
  uint64_t size = get_u64(p->in.at + 8);
  struct stat facts;
  if (fd < 0) return "section token without its descriptor";
  if (p->sectionCount == IN_FLIGHT_MAX) {
    close(fd);
    return "more than 64 sections in flight";
  }
  p->sections[p->sectionCount++] = (struct section){.id = id, .sizeBytes = size, .fd = fd};
  uint8_t kind = p->in.at[1];
  int wanted = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
  if (kind > SECTION_SEALED) return "section is of another kind";
  if (kind == SECTION_SEALED) wanted |= F_SEAL_WRITE;
  if ((fcntl(fd, F_GET_SEALS) & wanted) != wanted) return "section lacks seals";
  if (fstat(fd, &facts) != 0 || (uint64_t)facts.st_size < size) return "section is too small";
  return id == 0 ? "section id is 0" : NULL;
}

void take_tokens(struct peer *p) {
  while (p->violation == NULL && p->in.length > 0) {
    size_t length = p->in.at[0] == TOKEN_DOORBELL ? 1 : p->in.at[0] == TOKEN_SECTION ? 16 : 0;
    if (length == 0) p->violation = "a token that this side cannot get";
    if (length == 0 || p->in.length < length) return;
    if (length == 1) p->bellsGot++;
    else p->violation = take_section_token(p);
    take_front(&p->in, length);
    p->inStart += length;
  }
}

bool take_section(struct peer *p, uint32_t id, uint64_t length, uint8_t *into) {
  if (p->sectionCount == 0 || p->sections[0].id != id || p->sections[0].sizeBytes != length) return false;
  size_t done = 0;
  while (done < length) {
    ssize_t count = pread(p->sections[0].fd, into + done, length - done, (off_t)done);
    if (count <= 0) return false;
    done += (size_t)count;
  }
  close(p->sections[0].fd);
  memmove(p->sections, p->sections + 1, sizeof p->sections[0] * (size_t)--p->sectionCount);
  word_set(&p->own, WORD_SECTIONS, word_get(&p->own, WORD_SECTIONS) + 1);
  ring_bell_if_wanted(p, WORD_SPACE, &p->rungSpace);
  return true;
}
