/*
 * Usage: torture-client < commands. Each line is `0 COMMAND key=value …` and is answered by one
 * line of JSON.
 *
 *   probe                              whether processes can be traced here
 *   step path= k= [way=words|peer|planted] [warm=] [warmSize=] [size=] [ring=]    (steps.c)
 *   start role=caller|echo|holder path= …      a child that lives on (children.c); its pid
 *   exec program= script= [a= b= c=]           another program, which is not waited for either
 *   kill pid= [other=] [reap=1]        SIGKILL, to both at once; when
 *   cycle path= us= [reap=1]           a caller that is killed so many microseconds after its start
 *   bell path= number= [count=]        a child that dies between publish and doorbell
 *   reap pid=                          waits for one
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "client.h"

enum { READY_MS = 30000 };

uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void silence_output(void) {
  int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (fd < 0 || dup2(fd, STDOUT_FILENO) < 0 || dup2(fd, STDIN_FILENO) < 0) _exit(9);
  prctl(PR_SET_PDEATHSIG, SIGKILL); /* Nothing outlives this program. */
}

static void answer(const struct arguments *a, pid_t child, uint64_t atNs, const char *fault) {
  report(a->slot, a->operation);
  report_number("pid", (uint64_t)child);
  report_number("killedAtNs", atNs);
  if (fault != NULL) report_text("error", fault);
  report_end();
}

static pid_t fork_role(const struct arguments *a, int ready[2]) {
  const char *role = text_of(a, "role", "caller");
  if (pipe2(ready, O_CLOEXEC) != 0) return -1;
  pid_t child = fork();
  if (child != 0) {
    close(ready[1]);
    return child;
  }
  silence_output();
  if (strcmp(role, "holder") == 0) run_holder(a, ready[1]);
  if (strcmp(role, "echo") == 0) run_echo(a, ready[1]);
  run_caller(a, ready[1]);
}

static void run_start(const struct arguments *a) {
  int ready[2];
  char byte;
  pid_t child = fork_role(a, ready);
  struct pollfd one = {.fd = ready[0], .events = POLLIN};
  bool isReady = child > 0 && poll(&one, 1, READY_MS) > 0 && read(ready[0], &byte, 1) == 1;
  if (child > 0) close(ready[0]);
  answer(a, child, 0, isReady ? NULL : "it is not ready");
}

static void run_exec(const struct arguments *a) {
  pid_t child = fork();
  if (child == 0) {
    silence_output();
    execl(text_of(a, "program", ""), text_of(a, "program", ""), text_of(a, "script", ""),
          text_of(a, "a", ""), text_of(a, "b", ""), text_of(a, "c", ""), (char *)NULL);
    _exit(127);
  }
  answer(a, child, 0, NULL);
}

static void run_kill(const struct arguments *a) {
  pid_t first = (pid_t)number_of(a, "pid", 0), other = (pid_t)number_of(a, "other", 0);
  if (first <= 1) return answer(a, first, 0, "no such process");
  uint64_t atNs = now_ns();
  int failed = kill(first, SIGKILL);
  if (other > 1) failed |= kill(other, SIGKILL);
  if (number_of(a, "reap", 1) != 0) waitpid(first, NULL, 0), waitpid(other, NULL, 0);
  answer(a, first, atNs, failed == 0 ? NULL : strerror(errno));
}

static void run_cycle(const struct arguments *a) {
  int ready[2];
  uint64_t us = number_of(a, "us", 0);
  struct timespec pause = {.tv_sec = (time_t)(us / 1000000), .tv_nsec = (long)(us % 1000000) * 1000};
  pid_t child = fork_role(a, ready);
  if (child <= 0) return answer(a, child, 0, strerror(errno));
  nanosleep(&pause, NULL);
  uint64_t atNs = now_ns();
  kill(child, SIGKILL);
  if (number_of(a, "reap", 1) != 0) waitpid(child, NULL, 0);
  close(ready[0]);
  answer(a, child, atNs, NULL);
}

static void run_bell_child(const struct arguments *a) {
  int status = 0;
  pid_t child = fork();
  if (child == 0) {
    silence_output();
    run_bell(a);
  }
  waitpid(child, &status, 0);
  bool isKilled = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  answer(a, child, now_ns(), isKilled ? NULL : "it did not get so far");
}

static void run_line(const struct arguments *a) {
  static const struct {
    const char *name;
    void (*run)(const struct arguments *);
  } commands[] = {
      {"probe", run_probe}, {"step", run_step},   {"start", run_start},     {"exec", run_exec},
      {"kill", run_kill},   {"cycle", run_cycle}, {"bell", run_bell_child},
  };
  for (size_t index = 0; index < sizeof commands / sizeof commands[0]; index++) {
    if (strcmp(commands[index].name, a->operation) == 0) return commands[index].run(a);
  }
  if (strcmp(a->operation, "reap") == 0) {
    waitpid((pid_t)number_of(a, "pid", -1), NULL, 0);
    return answer(a, 0, 0, NULL);
  }
  answer(a, 0, 0, "no such command");
}

int main(void) {
  char *line = NULL;
  size_t capacity = 0;
  struct arguments a;
  while (getline(&line, &capacity, stdin) > 0) {
    if (!parse_line(line, &a)) continue;
    run_line(&a);
    fflush(stdout); /* Also before the next fork: a child must not have it in its buffer. */
  }
  return 0;
}
