import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * A peer in C, for what Node cannot do: several descriptors in one message, a memfd of huge pages.
 *
 *   peer <socket> fds <count>    one byte with so many descriptors, then waits for its death
 *   peer <socket> twice          two bytes in two messages with a descriptor each, then waits
 *   peer <socket> hugetlb        one byte with a memfd of huge pages; exits with 3 if there is none
 *   peer <socket> hold           connects and waits for its death
 */
const SOURCE = `
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void pass(int socket_fd, const int *fds, int count) {
  char byte = 'x';
  struct iovec piece = {&byte, 1};
  char room[CMSG_SPACE(sizeof(int) * 253)];
  memset(room, 0, sizeof room);
  struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
  if (count > 0) {
    message.msg_control = room;
    message.msg_controllen = CMSG_SPACE(sizeof(int) * count);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int) * count);
    memcpy(CMSG_DATA(header), fds, sizeof(int) * count);
  }
  if (sendmsg(socket_fd, &message, 0) != 1) exit(2);
}

int main(int argc, char **argv) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strcpy(address.sun_path, argv[1]);
  int socket_fd = socket(AF_UNIX, SOCK_STREAM, 0);
  if (connect(socket_fd, (struct sockaddr *)&address, sizeof address) < 0) return 1;
  int fds[253];
  for (int index = 0; index < 253; index++) fds[index] = open("/dev/null", O_RDONLY);
  if (strcmp(argv[2], "fds") == 0) pass(socket_fd, fds, atoi(argv[3]));
  if (strcmp(argv[2], "twice") == 0) {
    pass(socket_fd, fds, 1);
    pass(socket_fd, fds, 1);
  }
  if (strcmp(argv[2], "hugetlb") == 0) {
    fds[0] = memfd_create("huge", MFD_HUGETLB | MFD_ALLOW_SEALING);
    if (fds[0] < 0) return 3;
    ftruncate(fds[0], 2 * 1024 * 1024);
    fcntl(fds[0], F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE);
    pass(socket_fd, fds, 1);
  }
  pause();
}
`;

/** Compiles the program with the compiler that built the addon. @returns its path */
export function buildPeer(folder: string): string {
  const source = join(folder, 'peer.c');
  const program = join(folder, 'peer');
  writeFileSync(source, SOURCE);
  execFileSync(process.env['CC'] ?? 'cc', ['-w', '-O0', source, '-o', program]);
  return program;
}

/** Starts it. Owner: the caller, who kills it. */
export function startPeer(program: string, ...args: string[]): ChildProcess {
  return spawn(program, args, { stdio: 'ignore' });
}
