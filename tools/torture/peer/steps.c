/*
 * `step`: a child prepares a message and stops; it is taken through its publish one instruction
 * after the other and killed after the k-th. What its outTail says then is read from its memory:
 * from there on it is known what the server must have got.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client.h"

static uint32_t tail_behind(uint32_t from, uint32_t length, uint32_t ringBytes) {
  uint32_t left = ringBytes - from % ringBytes;
  return from + length + (left < length ? left : 0);
}

static _Noreturn void run_stepped(const struct arguments *a, struct shared *shared) {
  struct peer *p = open_connection(a);
  if (p == NULL) _exit(2);
  const struct arguments warm = {
      .operation = "requests",
      .count = 2,
      .keys = {"count", "size"},
      .values = {(char *)text_of(a, "warm", "0"), (char *)text_of(a, "warmSize", "100")},
  };
  run_requests(p, &warm);
  struct publication m = prepare(p, (uint32_t)number_of(a, "k", 0), number_of(a, "size", 64));
  const char *way = text_of(a, "way", "words");
  uint32_t length = (uint32_t)m.record.length;
  shared->tailAt = p->own.at + WORD_TAIL;
  shared->tailFrom = p->tail;
  shared->tailTo = tail_behind(p->tail, length, p->own.ringBytes);
  if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0) _exit(3);
  raise(SIGSTOP);
  if (strcmp(way, "peer") == 0) publish_by_peer(p, &m);
  else publish_by_words(p, &m, strcmp(way, "planted") == 0);
  raise(SIGSTOP);
  for (;;) pause();
}

/* Steps until k instructions are done or the child stops behind its publish. */
static const char *take_steps(pid_t child, uint64_t k, uint64_t *steps, bool *isDone) {
  int status;
  *steps = 0;
  *isDone = false;
  if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status)) return "could not connect";
  ptrace(PTRACE_SETOPTIONS, child, NULL, (void *)PTRACE_O_EXITKILL);
  while (*steps < k) {
    if (ptrace(PTRACE_SINGLESTEP, child, NULL, NULL) != 0) return strerror(errno);
    if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status)) return "ended while stepped";
    *isDone = WSTOPSIG(status) == SIGSTOP;
    if (*isDone) return NULL;
    if (WSTOPSIG(status) != SIGTRAP) return strsignal(WSTOPSIG(status));
    ++*steps;
  }
  return NULL;
}

static uint32_t peek_u32(pid_t child, const uint8_t *at) {
  errno = 0;
  long word = ptrace(PTRACE_PEEKDATA, child, at, NULL);
  return (uint32_t)word;
}

void run_step(const struct arguments *a) {
  struct shared *shared =
      mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) return report_error(&(struct peer){0}, "step", strerror(errno));
  pid_t child = fork();
  if (child == 0) {
    silence_output();
    run_stepped(a, shared);
  }
  uint64_t steps;
  bool isDone;
  const char *fault = take_steps(child, number_of(a, "k", 0), &steps, &isDone);
  uint32_t tail = fault == NULL ? peek_u32(child, shared->tailAt) : 0;
  uint64_t killedAt = now_ns();
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  report(a->slot, "step");
  if (fault != NULL) report_text("error", fault);
  report_number("steps", steps);
  report_number("killedAtNs", killedAt);
  report_bool("done", isDone);
  report_bool("moved", fault == NULL && tail != shared->tailFrom);
  report_bool("committed", fault == NULL && tail == shared->tailTo);
  report_end();
  munmap(shared, sizeof *shared);
}

/* `probe`: whether this process may trace its children. */
void run_probe(const struct arguments *a) {
  pid_t child = fork();
  if (child == 0) {
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0) _exit(errno);
    raise(SIGSTOP);
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  const char *fault = WIFEXITED(status) ? strerror(WEXITSTATUS(status)) : NULL;
  if (fault == NULL && ptrace(PTRACE_SINGLESTEP, child, NULL, NULL) != 0) fault = strerror(errno);
  if (fault == NULL) waitpid(child, &status, 0);
  kill(child, SIGKILL);
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  report(a->slot, "probe");
  if (fault != NULL) report_text("error", fault);
  report_end();
}
