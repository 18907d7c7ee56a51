#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "peer.h"

/* Missing from the headers of older C libraries; linux/fcntl.h has the number. */
#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

enum {
  SECTION_SEALS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL,
  REGION_SEALS = SECTION_SEALS | F_SEAL_FUTURE_WRITE,
};

/* A memory file of `size` bytes, with or without blocks, with these seals. */
static int memory(uint64_t size, bool isSparse, int seals) {
  int fd = memfd_create("portcall-hostile", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0 || ftruncate(fd, (off_t)size) != 0) return -1;
  if (!isSparse && size > 0 && fallocate(fd, 0, 0, (off_t)size) != 0) return -1;
  if (seals != 0 && fcntl(fd, F_ADD_SEALS, seals) != 0) return -1;
  return fd;
}

/* The three words of a region with these many bytes of ring; before it is sealed. */
static int region_like(uint32_t ringBytes, const char *fault) {
  int fd = memory((uint64_t)ringBytes + REGION_HEADER_BYTES, false, 0);
  uint32_t words[] = {REGION_MAGIC, LAYOUT_HASH, ringBytes};
  if (strcmp(fault, "magic") == 0) words[0] ^= 1;
  if (strcmp(fault, "hash") == 0) words[1] ^= 1;
  if (strcmp(fault, "ringWord") == 0) words[2] *= 2;
  if (fd < 0 || pwrite(fd, words, sizeof words, 0) != sizeof words) return -1;
  int seals = REGION_SEALS;
  if (strcmp(fault, "unsealed") == 0) return fd;
  if (strcmp(fault, "noShrink") == 0) seals &= ~F_SEAL_SHRINK;
  if (strcmp(fault, "noGrow") == 0) seals &= ~F_SEAL_GROW;
  if (strcmp(fault, "noFuture") == 0) seals &= ~F_SEAL_FUTURE_WRITE;
  if (strcmp(fault, "noSeal") == 0) seals &= ~F_SEAL_SEAL;
  return fcntl(fd, F_ADD_SEALS, seals) == 0 ? fd : -1;
}

/* A file with no name, of the right size for a region. */
static int file_in(const char *folder, uint64_t size) {
  char path[128];
  snprintf(path, sizeof path, "%s/hostile-XXXXXX", folder);
  int fd = mkostemp(path, O_CLOEXEC);
  if (fd < 0) return -1;
  unlink(path);
  if (fallocate(fd, 0, 0, (off_t)size) != 0 && ftruncate(fd, (off_t)size) != 0) return -1;
  return fd;
}

static int half_of_pair(bool isSocket) {
  int both[2];
  if (isSocket ? socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, both) : pipe2(both, O_CLOEXEC)) {
    return -1;
  }
  close(both[1]);
  return both[0];
}

static int holed(uint64_t whole) {
  int fd = memory(whole, false, 0);
  if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)whole / 2, 4096) != 0) return -1;
  return fcntl(fd, F_ADD_SEALS, REGION_SEALS) == 0 ? fd : -1;
}

int make_descriptor(const char *kind, uint32_t bytes) {
  uint64_t whole = (uint64_t)bytes + REGION_HEADER_BYTES;
  if (strcmp(kind, "good") == 0) return region_like(bytes, "");
  if (strncmp(kind, "region:", 7) == 0) return region_like(bytes, kind + 7);
  if (strcmp(kind, "sparse") == 0) return memory(whole, true, REGION_SEALS);
  if (strcmp(kind, "holed") == 0) return holed(whole);
  if (strcmp(kind, "short") == 0) return memory(whole - 4096, false, REGION_SEALS);
  if (strcmp(kind, "long") == 0) return memory(whole + 4096, false, REGION_SEALS);
  if (strcmp(kind, "empty") == 0) return memory(0, true, REGION_SEALS);
  if (strcmp(kind, "zeros") == 0) return memory(whole, false, REGION_SEALS);
  if (strcmp(kind, "section") == 0) return memory(bytes, false, SECTION_SEALS);
  if (strcmp(kind, "sealed") == 0) return memory(bytes, false, SECTION_SEALS | F_SEAL_WRITE);
  if (strcmp(kind, "sealedSparse") == 0) return memory(bytes, true, SECTION_SEALS | F_SEAL_WRITE);
  if (strcmp(kind, "sectionUnsealed") == 0) return memory(bytes, false, 0);
  if (strcmp(kind, "sectionNoGrow") == 0) return memory(bytes, false, F_SEAL_SHRINK | F_SEAL_SEAL);
  if (strcmp(kind, "sectionNoShrink") == 0) return memory(bytes, false, F_SEAL_GROW | F_SEAL_SEAL);
  if (strcmp(kind, "sectionShort") == 0) return memory(bytes - 1, false, SECTION_SEALS);
  if (strcmp(kind, "sectionEmpty") == 0) return memory(0, true, SECTION_SEALS);
  if (strcmp(kind, "sectionSparse") == 0) return memory(bytes, true, SECTION_SEALS);
  if (strcmp(kind, "directory") == 0) return open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (strcmp(kind, "path") == 0) return open("/", O_PATH | O_CLOEXEC);
  if (strcmp(kind, "socket") == 0) return half_of_pair(true);
  if (strcmp(kind, "pipe") == 0) return half_of_pair(false);
  if (strcmp(kind, "file") == 0) return file_in("/var/tmp", whole);
  if (strcmp(kind, "devshm") == 0) return file_in("/dev/shm", whole);
  if (strcmp(kind, "null") == 0) return open("/dev/null", O_RDWR | O_CLOEXEC);
  if (strcmp(kind, "zero") == 0) return open("/dev/zero", O_RDWR | O_CLOEXEC);
  if (strcmp(kind, "event") == 0) return eventfd(0, EFD_CLOEXEC);
  if (strcmp(kind, "epoll") == 0) return epoll_create1(EPOLL_CLOEXEC);
  if (strcmp(kind, "pidfd") == 0) return (int)syscall(SYS_pidfd_open, getpid(), 0);
  return -1;
}

int make_descriptors(const char *list, uint32_t bytes, int *into) {
  char copy[1024];
  char *rest = NULL;
  int count = 0;
  snprintf(copy, sizeof copy, "%s", list);
  for (char *kind = strtok_r(copy, ",", &rest); kind; kind = strtok_r(NULL, ",", &rest)) {
    char *star = strchr(kind, '*');
    int times = star == NULL ? 1 : atoi(star + 1);
    if (star != NULL) *star = '\0';
    while (times-- > 0 && count < FDS_MAX) {
      int fd = make_descriptor(kind, bytes);
      if (fd >= 0) into[count++] = fd;
    }
  }
  return count;
}

void close_all(int *fds, int count) {
  for (int index = 0; index < count; index++) close(fds[index]);
}
