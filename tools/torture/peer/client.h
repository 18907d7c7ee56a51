/*
 * What is made to be killed: processes that speak the wire protocol with the code of the hostile
 * peer (tools/hostile), which is written from docs/PROTOCOL.md alone. main.c lists the commands.
 */
#ifndef PC_CLIENT_H
#define PC_CLIENT_H

#include <sys/types.h>

#include "peer.h"

/* What a child tells its parent: a page that both of them have. */
struct shared {
  uint8_t *tailAt;   /* address in the child of its outTail */
  uint32_t tailFrom; /* outTail before the publish */
  uint32_t tailTo;   /* outTail when all of it is published */
};

/* connection.c: NULL when the server does not take it. */
struct peer *open_connection(const struct arguments *a);
void publish_without_bell(struct peer *p, uint32_t number, size_t size);
/* Prepares a message; the two ways of publishing it, and a third one that is wrong on purpose. */
struct publication {
  struct bytes data;   /* of the message */
  struct bytes record; /* header, body and filling, as it goes into the ring */
  uint32_t id;
};
struct publication prepare(struct peer *p, uint32_t number, size_t size);
void publish_by_words(struct peer *p, const struct publication *m, bool isTailFirst);
void publish_by_peer(struct peer *p, const struct publication *m);

/* children.c: what a forked child does; none of them returns. */
_Noreturn void run_caller(const struct arguments *a, int readyFd);
_Noreturn void run_holder(const struct arguments *a, int readyFd);
_Noreturn void run_echo(const struct arguments *a, int readyFd);
_Noreturn void run_bell(const struct arguments *a);

/* steps.c */
void run_step(const struct arguments *a);
void run_probe(const struct arguments *a);

/* main.c */
uint64_t now_ns(void);
void silence_output(void); /* of a child: the parent's output is one line for each command */

#endif
