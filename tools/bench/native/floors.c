// What the machine itself can do, for orientation: no JavaScript, no protocol, no checks.
//
//   floors <milliseconds per measurement>
//
// prints one JSON object. Two processes bounce a word (spinning, futex) or 64 bytes (a seqpacket
// socket); memcpy goes to warm and to fresh memory; process_vm_readv reads from the child.
#define _GNU_SOURCE
#include <linux/futex.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MIB = 1024 * 1024, SAMPLES_MAX = 4000000, STOP = -1 };

/** Each side's word in a line (and prefetch pair) of its own. */
struct words {
  _Alignas(128) _Atomic int there;
  _Alignas(128) _Atomic int back;
};

static double durationMs;
static float *samples;

static double nowUs(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static int compare(const void *left, const void *right) {
  const float a = *(const float *)left;
  const float b = *(const float *)right;
  return (a > b) - (a < b);
}

static void printLatency(const char *name, size_t count) {
  if (count == 0) fail("no samples");
  qsort(samples, count, sizeof *samples, compare);
  printf("\"%s\":{\"p50Us\":%.2f,\"p99Us\":%.2f},", name, samples[count / 2],
         samples[count * 99 / 100]);
}

static void waitSpinning(_Atomic int *word, int last) {
  while (atomic_load(word) == last) {
  }
}

static void waitAsleep(_Atomic int *word, int last) {
  while (atomic_load(word) == last) syscall(SYS_futex, word, FUTEX_WAIT, last, NULL, NULL, 0);
}

static void measureWords(const char *name, int isSpinning) {
  struct words *words =
      mmap(NULL, sizeof *words, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (words == MAP_FAILED) fail("mmap");
  void (*const wait)(_Atomic int *, int) = isSpinning ? waitSpinning : waitAsleep;
  const pid_t child = fork();
  if (child < 0) fail("fork");
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (int turn = 0;; turn++) {
      wait(&words->there, turn);
      if (atomic_load(&words->there) == STOP) _exit(0);
      atomic_store(&words->back, turn + 1);
      if (!isSpinning) syscall(SYS_futex, &words->back, FUTEX_WAKE, 1, NULL, NULL, 0);
    }
  }
  size_t count = 0;
  const double endUs = nowUs() + durationMs * 1000;
  for (double us = 0; us < endUs && count < SAMPLES_MAX; count++) {
    const double startUs = nowUs();
    const int turn = (int)count;
    atomic_store(&words->there, turn + 1);
    if (!isSpinning) syscall(SYS_futex, &words->there, FUTEX_WAKE, 1, NULL, NULL, 0);
    wait(&words->back, turn);
    us = nowUs();
    samples[count] = (float)(us - startUs);
  }
  atomic_store(&words->there, STOP);
  syscall(SYS_futex, &words->there, FUTEX_WAKE, 1, NULL, NULL, 0);
  waitpid(child, NULL, 0);
  munmap(words, sizeof *words);
  printLatency(name, count);
}

static void measureSocket(void) {
  int ends[2];
  char bytes[64] = {0};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) fail("socketpair");
  const pid_t child = fork();
  if (child < 0) fail("fork");
  if (child == 0) {
    close(ends[0]);
    while (recv(ends[1], bytes, sizeof bytes, 0) > 0) send(ends[1], bytes, sizeof bytes, 0);
    _exit(0);
  }
  close(ends[1]);
  size_t count = 0;
  const double endUs = nowUs() + durationMs * 1000;
  for (double us = 0; us < endUs && count < SAMPLES_MAX; count++) {
    const double startUs = nowUs();
    if (send(ends[0], bytes, sizeof bytes, 0) < 0) fail("send");
    if (recv(ends[0], bytes, sizeof bytes, 0) < 0) fail("recv");
    us = nowUs();
    samples[count] = (float)(us - startUs);
  }
  close(ends[0]);
  waitpid(child, NULL, 0);
  printLatency("seqpacket", count);
}

static char *allocate(size_t bytes) {
  char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) fail("mmap");
  return memory;
}

static void measureCopies(size_t bytes, int isFresh) {
  char *from = allocate(bytes);
  char *to = allocate(bytes);
  memset(from, 1, bytes);
  memset(to, 2, bytes);
  size_t copies = 0;
  const double startUs = nowUs();
  double us = startUs;
  for (; us < startUs + durationMs * 1000; copies++) {
    if (isFresh) {
      munmap(to, bytes);
      to = allocate(bytes);
    }
    memcpy(to, from, bytes);
    if (to[copies % bytes] != 1) fail("memcpy");
    us = nowUs();
  }
  printf("\"memcpy%s%zuMiB\":{\"gigabytesPerSecond\":%.2f},", isFresh ? "Fresh" : "", bytes / MIB,
         (double)copies * (double)bytes / (us - startUs) / 1e3);
  munmap(from, bytes);
  munmap(to, bytes);
}

static void measureRemote(size_t bytes) {
  char *memory = allocate(bytes);
  char *to = allocate(bytes);
  memset(memory, 3, bytes);
  memset(to, 2, bytes);
  const pid_t child = fork();
  if (child < 0) fail("fork");
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    // A copy of its own: what the parent reads must not be the parent's pages.
    memset(memory, 4, bytes);
    for (;;) pause();
  }
  size_t copies = 0;
  const double startUs = nowUs();
  double us = startUs;
  for (; us < startUs + durationMs * 1000; copies++) {
    const struct iovec local = {to, bytes};
    const struct iovec remote = {memory, bytes};
    if (process_vm_readv(child, &local, 1, &remote, 1, 0) != (ssize_t)bytes) fail("process_vm_readv");
    us = nowUs();
  }
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  printf("\"processVmReadv%zuMiB\":{\"gigabytesPerSecond\":%.2f}", bytes / MIB,
         (double)copies * (double)bytes / (us - startUs) / 1e3);
  munmap(memory, bytes);
  munmap(to, bytes);
}

int main(int count, char **arguments) {
  durationMs = count > 1 ? atof(arguments[1]) : 500;
  samples = malloc(SAMPLES_MAX * sizeof *samples);
  if (samples == NULL) fail("malloc");
  printf("{");
  fflush(stdout);
  measureWords("spinning", 1);
  fflush(stdout);
  measureWords("futex", 0);
  fflush(stdout);
  measureSocket();
  for (size_t mib = 1; mib <= 64; mib *= mib == 1 ? 16 : 4) {
    measureCopies(mib * MIB, 0);
    measureCopies(mib * MIB, 1);
  }
  fflush(stdout);
  measureRemote((size_t)64 * MIB);
  printf("}\n");
  free(samples);
  return 0;
}
