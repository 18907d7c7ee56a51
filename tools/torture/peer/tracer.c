/*
 * Usage: torture-tracer calls|instructions LIMIT PROGRAM [ARGUMENT …]
 *
 * Runs a program and kills it within the part of it between two SIGUSR2 that it sends to itself
 * (which it never gets): at the entry of the LIMIT-th system call, of any of its threads, so that
 * this call is not made; or behind the LIMIT-th instruction of its main thread. Says in one line of
 * JSON what became of it. Nothing is killed with a limit of 0.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { THREADS_MAX = 256 };
enum phase { BEFORE, WITHIN, BEHIND };

#define OPTIONS \
  (PTRACE_O_EXITKILL | PTRACE_O_TRACECLONE | PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK)

static struct {
  bool isStepping;
  uint64_t limit, count, call, killedAtNs;
  pid_t main;
  enum phase phase;
  pid_t threads[THREADS_MAX];
  int threadCount;
} trace;

static uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void note_thread(pid_t thread) {
  for (int index = 0; index < trace.threadCount; index++) {
    if (trace.threads[index] == thread) return;
  }
  if (trace.threadCount < THREADS_MAX) trace.threads[trace.threadCount++] = thread;
}

/* A thread that was killed meanwhile cannot be resumed; its end is reported by itself. */
static void resume(pid_t thread, int signalNumber) {
  int how = PTRACE_CONT;
  if (trace.phase == WITHIN && !trace.isStepping) how = PTRACE_SYSCALL;
  if (trace.phase == WITHIN && trace.isStepping && thread == trace.main) how = PTRACE_SINGLESTEP;
  ptrace(how, thread, NULL, (void *)(intptr_t)signalNumber);
}

/* One more of what is counted. */
static void count_one(uint64_t call) {
  if (trace.phase != WITHIN || ++trace.count != trace.limit) return;
  trace.call = call;
  trace.killedAtNs = now_ns();
  kill(trace.main, SIGKILL);
}

static void take_call(pid_t thread) {
  struct __ptrace_syscall_info info = {0};
  long size = ptrace(PTRACE_GET_SYSCALL_INFO, thread, (void *)sizeof info, &info);
  if (size > 0 && info.op == PTRACE_SYSCALL_INFO_ENTRY) count_one(info.entry.nr);
}

static void take_mark(pid_t thread) {
  trace.phase = trace.phase == BEFORE ? WITHIN : BEHIND;
  for (int index = 0; index < trace.threadCount && trace.phase == WITHIN; index++) {
    pid_t other = trace.threads[index];
    if (other != thread && !trace.isStepping) ptrace(PTRACE_INTERRUPT, other, NULL, NULL);
  }
}

static void take_stop(pid_t thread, int status) {
  int signalNumber = WSTOPSIG(status), event = status >> 16;
  note_thread(thread);
  if (event != 0) return resume(thread, 0);
  if (signalNumber == (SIGTRAP | 0x80)) take_call(thread);
  else if (signalNumber == SIGTRAP && trace.isStepping) count_one(0);
  else if (signalNumber == SIGUSR2) take_mark(thread);
  else return resume(thread, signalNumber);
  resume(thread, 0);
}

static pid_t start(char **command) {
  int gate[2];
  if (pipe(gate) != 0) return -1;
  pid_t child = fork();
  if (child == 0) {
    char byte;
    close(gate[1]);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (read(gate[0], &byte, 1) != 1 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0) _exit(126);
    close(gate[0]);
    execvp(command[0], command);
    _exit(127);
  }
  bool isSeized = child > 0 && ptrace(PTRACE_SEIZE, child, NULL, (void *)OPTIONS) == 0;
  int failed = errno;
  if (!isSeized || write(gate[1], "g", 1) != 1) {
    printf("{\"error\":\"%s\"}\n", strerror(failed));
    return -1;
  }
  close(gate[0]);
  close(gate[1]);
  return child;
}

int main(int count, char **words) {
  if (count < 4) return 2;
  trace.isStepping = strcmp(words[1], "instructions") == 0;
  trace.limit = strtoull(words[2], NULL, 10);
  trace.main = start(words + 3);
  if (trace.main < 0) return 1;
  note_thread(trace.main);
  int status, last = 0;
  pid_t thread;
  while ((thread = waitpid(-1, &status, __WALL)) > 0 || errno == EINTR) {
    if (thread <= 0) continue;
    if (WIFSTOPPED(status)) take_stop(thread, status);
    else if (thread == trace.main) last = status;
  }
  printf("{\"count\":%" PRIu64 ",\"call\":%" PRIu64 ",\"killedAtNs\":%" PRIu64, trace.count,
         trace.call, trace.killedAtNs);
  printf(",\"finished\":%s,\"signal\":%d,\"code\":%d}\n", trace.phase == BEHIND ? "true" : "false",
         WIFSIGNALED(last) ? WTERMSIG(last) : 0, WIFEXITED(last) ? WEXITSTATUS(last) : -1);
  return 0;
}
