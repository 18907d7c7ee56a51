/*
 * Sections of one direction (docs/PROTOCOL.md 4.5): packages/shm/src/shm-sections.ts. The sender fills
 * one, passes its descriptor, and takes it back when the receiver has counted it as consumed; the
 * receiver takes (copies, closes, counts) or runs down. Either side closes, or dies, at any step.
 *
 * Planted: DOUBLE_CLOSE (a section taken is closed again by the rundown), LEAK_ANNOUNCED (the rundown
 * forgets what was announced), EARLY_COUNT (consumed is counted before the copy), LEAK_FREE,
 * REFILL (the sender fills a section without waiting for the count).
 */
#define SECTIONS 2 /* of the sender, in flight or free */
#define MESSAGES 4
#define IDLE 0
#define FREE 1
#define IN_FLIGHT 2
#define NONE 255

/* The sender's: state, descriptor, contents. A section's contents are a message's number. */
byte state[SECTIONS];
bool senderFd[SECTIONS];
byte contents[SECTIONS];
/* The receiver's: the descriptor it has of a section. */
bool receiverFd[SECTIONS];
/* Control socket and ring as one, since a message is read only after its announcement. */
chan socket = [SECTIONS] of { byte, byte };
byte consumed; /* in the receiver's region */
bool hungUp[2];
bool dead[2];

#define closeOf(fds, index) d_step { assert(fds[index]); fds[index] = false }

proctype Sender() {
  byte order[SECTIONS];
  byte sent, freed, at, seen;
  {
    do
    :: sent < MESSAGES && !hungUp[1] ->
       /* reclaim: what the peer consumed is free again, in the order it was sent */
       seen = consumed;
       assert(seen >= freed && seen <= sent);
       d_step {
         do
         :: freed < seen ->
            at = order[freed % SECTIONS];
            assert(state[at] == IN_FLIGHT);
            state[at] = FREE;
            freed++
         :: else -> break
         od;
         at = 0
       };
       /* takeFree, else create; a section that is kept no longer is closed (FREE_BYTES_MAX) */
       if
       :: state[0] == FREE -> closeOf(senderFd, 0); state[0] = IDLE
       :: true
       fi;
#ifdef REFILL
       at = sent % SECTIONS;
#else
       if
       :: state[0] != IN_FLIGHT -> at = 0
       :: state[0] == IN_FLIGHT && state[1] != IN_FLIGHT -> at = 1
       :: else -> at = NONE
       fi;
#endif
       if
       :: at == NONE -> (consumed != freed || hungUp[1]) /* the doorbell for room: ring.pml */
       :: else ->
          if
          :: !senderFd[at] -> senderFd[at] = true
          :: else
          fi;
          contents[at] = sent + 1;
          atomic {
            if
            :: hungUp[1] -> state[at] = FREE
            :: else ->
               socket!at,sent + 1;
               order[sent % SECTIONS] = at;
               state[at] = IN_FLIGHT;
               sent++
            fi
          }
       fi
    :: break /* closes */
    od;
    /* ShmSections.close */
    at = 0;
    do
    :: at < SECTIONS ->
       if
#ifdef LEAK_FREE
       :: state[at] == IN_FLIGHT -> closeOf(senderFd, at)
#else
       :: state[at] != IDLE -> closeOf(senderFd, at)
#endif
       :: else
       fi;
       at++
    :: else -> break
    od;
    hungUp[0] = true
  } unless { dead[0] }
}

proctype Receiver() {
  bool announced[SECTIONS];
  byte number[SECTIONS];
  byte at, message, copy;
  byte next = 1;
  {
more:
    do
    :: atomic { nempty(socket) ->
         socket?at,message;
         assert(!announced[at] && !receiverFd[at]);
         receiverFd[at] = true;
         announced[at] = true;
         number[at] = message
       }
    :: atomic { announced[0] && number[0] == next -> at = 0 } goto take
    :: atomic { announced[1] && number[1] == next -> at = 1 } goto take
    :: hungUp[0] && empty(socket) && !announced[0] && !announced[1] -> break
    :: break /* closes */
    od;
    goto rundown;
take:
#ifndef DOUBLE_CLOSE
    announced[at] = false;
#endif
#ifdef EARLY_COUNT
    consumed++;
#endif
    copy = contents[at];
    assert(copy == next);
    closeOf(receiverFd, at);
#ifndef EARLY_COUNT
    consumed++;
#endif
    next++;
#ifdef DOUBLE_CLOSE
    if :: goto rundown :: true fi;
    announced[at] = false;
#endif
    goto more;
rundown:
    hungUp[1] = true;
    /* What is still in the socket the kernel closes with it. */
#ifndef LEAK_ANNOUNCED
    at = 0;
    do
    :: at < SECTIONS ->
       if :: announced[at] -> closeOf(receiverFd, at) :: else fi;
       at++
    :: else -> break
    od;
#endif
    skip
  } unless { dead[1] }
}

/* A process that dies: the kernel closes all it has. */
inline die(me) {
  atomic {
    dead[me] = true;
    hungUp[me] = true;
    if
    :: me == 0 -> senderFd[0] = false; senderFd[1] = false
    :: else -> receiverFd[0] = false; receiverFd[1] = false
    fi
  }
}
active proctype Killer() { if :: true; die(0) :: true; die(1) :: true fi }

/* At rest nobody has a descriptor left: each was closed, and once. */
active proctype Watch() {
  timeout;
  assert(!senderFd[0] && !senderFd[1] && !receiverFd[0] && !receiverFd[1]);
  assert(hungUp[0] && hungUp[1])
}

init { atomic { run Sender(); run Receiver() } }

#ifdef LIVENESS
ltl closes { <> (hungUp[0] && hungUp[1]) }
#endif
