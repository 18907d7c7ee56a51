#define _GNU_SOURCE
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "peer.h"

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif
#define TMPFS_MAGIC 0x01021994

/* The order matters: F_SEAL_FUTURE_WRITE spares only a mapping that is there before it. */
bool region_create(struct region *r, const char *kind, uint32_t ringBytes) {
  r->at = NULL;
  r->ringBytes = ringBytes;
  r->mappedBytes = (size_t)ringBytes + REGION_HEADER_BYTES;
  if (strcmp(kind, "good") != 0) {
    r->fd = make_descriptor(kind, ringBytes);
    return r->fd >= 0;
  }
  r->fd = memfd_create("portcall-hostile", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (r->fd < 0 || fallocate(r->fd, 0, 0, (off_t)r->mappedBytes) != 0) return false;
  r->at = mmap(NULL, r->mappedBytes, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, 0);
  if (r->at == MAP_FAILED) return false;
  word_set(r, WORD_MAGIC, REGION_MAGIC);
  word_set(r, WORD_HASH, LAYOUT_HASH);
  word_set(r, WORD_RING_BYTES, ringBytes);
  int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL;
  return fcntl(r->fd, F_ADD_SEALS, seals) == 0;
}

static const char *fault_of(int fd, uint32_t ringBytes) {
  struct stat facts;
  struct statfs system;
  int wanted = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL;
  uint64_t whole = (uint64_t)ringBytes + REGION_HEADER_BYTES;
  if (fstat(fd, &facts) != 0 || !S_ISREG(facts.st_mode)) return "region is no regular file";
  if (fstatfs(fd, &system) != 0 || system.f_type != TMPFS_MAGIC) return "region is not on tmpfs";
  if ((fcntl(fd, F_GET_SEALS) & wanted) != wanted) return "region lacks seals";
  if ((uint64_t)facts.st_size != whole) return "region has another size";
  if ((uint64_t)facts.st_blocks * 512 < whole) return "region is sparse";
  return NULL;
}

const char *region_take(struct region *r, int fd, uint32_t ringBytes) {
  if (ringBytes < 4096 || ringBytes > 16777216 || (ringBytes & (ringBytes - 1)) != 0) {
    return "ringBytes is no power of two from 4096 to 16777216";
  }
  const char *fault = fault_of(fd, ringBytes);
  if (fault != NULL) return fault;
  r->fd = -1;
  r->ringBytes = ringBytes;
  r->mappedBytes = (size_t)ringBytes + REGION_HEADER_BYTES;
  r->at = mmap(NULL, r->mappedBytes, PROT_READ, MAP_SHARED, fd, 0);
  if (r->at == MAP_FAILED) r->at = NULL;
  if (r->at == NULL) return "region cannot be mapped";
  bool isGood = word_get(r, WORD_MAGIC) == REGION_MAGIC && word_get(r, WORD_HASH) == LAYOUT_HASH &&
                word_get(r, WORD_RING_BYTES) == ringBytes;
  return isGood ? NULL : "region has wrong words";
}

void region_close(struct region *r) {
  if (r->fd >= 0) close(r->fd);
  if (r->at != NULL) munmap(r->at, r->mappedBytes);
  r->fd = -1;
  r->at = NULL;
}

/* Sequentially consistent, as the page demands of every word on both sides. */
uint32_t word_get(const struct region *r, uint32_t offset) {
  return atomic_load((const _Atomic uint32_t *)(const void *)(r->at + offset));
}

void word_set(struct region *r, uint32_t offset, uint32_t value) {
  atomic_store((_Atomic uint32_t *)(void *)(r->at + offset), value);
}

int64_t word_named(const char *name) {
  static const struct {
    const char *name;
    uint32_t offset;
  } words[] = {
      {"magic", WORD_MAGIC}, {"hash", WORD_HASH},   {"ringBytes", WORD_RING_BYTES},
      {"tail", WORD_TAIL},   {"head", WORD_HEAD},   {"sleep", WORD_SLEEP},
      {"space", WORD_SPACE}, {"sections", WORD_SECTIONS},
  };
  for (size_t index = 0; index < sizeof words / sizeof words[0]; index++) {
    if (strcmp(words[index].name, name) == 0) return words[index].offset;
  }
  return -1;
}
