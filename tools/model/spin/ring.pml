/*
 * Two sides of a link: ring, sleep epoch, space epoch and doorbell (docs/PROTOCOL.md 4.2, 4.3).
 * Source: packages/shm/src/{ring-producer,ring-consumer,wake-words,shm-link,before-block}.ts.
 * One statement is at most one access to what both sides share. A record is one slot.
 *
 * Planted: PLAIN_SLEEP, PLAIN_TAIL, PLAIN_SPACE (a store that stays in a store buffer),
 * NO_SECOND_LOOK, NO_SPACE_LOOK, EARLY_ONLY, LOST_BELL, BELL_SWALLOWED, HEAD_FIRST, TAIL_FIRST.
 * PLAIN_SPACE and NO_SPACE_LOOK are found with N1=0 only: a record of the other side brings the writer to look.
 * DEATH: side 0 dies at any step. LOSS: the kernel refuses one doorbell of each side.
 */
#ifndef N0
#define N0 3
#endif
#ifndef N1
#define N1 1
#endif
#ifndef CAP
#define CAP 2
#endif
#define COUNT(side) ((side) == 0 -> N0 : N1)
#define PEER (1 - me)
#define DONE (got[0] == N1 && got[1] == N0)

byte tail[2];   /* outTail, in the region of the side */
byte head[2];   /* inHead, in the region of the side: what it has read of the other's ring */
byte sleepE[2]; /* sleepEpoch */
byte spaceE[2]; /* spaceEpoch */
byte slot[4];   /* both rings */
bool bell[2];   /* doorbells in the socket of the side: one or more */
bool gone[2];
bool ended[2];
byte got[2];
/* Stores in the buffer of a side: 0 none. The oldest is the only one (TSO, one planted at a time). */
byte bufSleep[2];
byte bufTail[2];
byte bufSpace[2];

/* A system call and a sequentially consistent store empty the buffer. */
inline fence() {
  d_step {
    if :: bufSleep[me] -> sleepE[me] = bufSleep[me]; bufSleep[me] = 0 :: else fi;
    if :: bufTail[me] -> tail[me] = bufTail[me]; bufTail[me] = 0 :: else fi;
    if :: bufSpace[me] -> spaceE[me] = bufSpace[me]; bufSpace[me] = 0 :: else fi
  }
}

inline ring() {
  fence();
#ifdef LOSS
  if
  :: bell[PEER] = true
  :: losses > 0 -> losses--;
#ifndef LOST_BELL
     retry = true
#endif
  fi
#else
  bell[PEER] = true
#endif
}

inline wake() {
  if
  :: isOdd -> d_step {
       isOdd = false; epoch++;
       if :: bufSleep[me] -> bufSleep[me] = 0 :: else fi;
       sleepE[me] = epoch
     }
  :: else
  fi
}

inline sleep() {
  isOdd = true;
  epoch++;
#ifdef PLAIN_SLEEP
  bufSleep[me] = epoch
#else
  d_step { fence(); sleepE[me] = epoch }
#endif
}

/* WakeWords.peerNeedsRecordBell, and the ring. */
inline ringIfAsleep() {
  seen = sleepE[PEER];
  if
  :: (seen & 1) && seen != rungSleep -> rungSleep = seen; ring()
  :: else
  fi
}

inline ringForSpace() {
  seen = spaceE[PEER];
  if
  :: (seen & 1) && seen != rungSpace -> rungSpace = seen; ring()
  :: else
  fi
}

inline flush() {
  if
  :: hasUnrung ->
     hasUnrung = false;
#ifdef EARLY_ONLY
     if :: hasRungEarly :: else -> ringIfAsleep() fi
#else
     ringIfAsleep()
#endif
  :: else
  fi
}

inline refreshHead() {
  d_step {
    seen = head[PEER];
    assert(seen >= knownHead && seen <= sent);
    knownHead = seen
  }
}

/* ShmLink.tryClaim: looks, says that it waits, looks again. */
inline claim() {
  if :: sent - knownHead == CAP -> refreshHead() :: else fi;
  if
  :: sent - knownHead == CAP ->
     if
     :: (space & 1) == 0 ->
        space++;
#ifdef PLAIN_SPACE
        bufSpace[me] = space
#else
        d_step { fence(); spaceE[me] = space }
#endif
     :: else
     fi;
#ifndef NO_SPACE_LOOK
     refreshHead()
#endif
  :: else
  fi;
  canWrite = (sent - knownHead < CAP)
}

inline publishTail() {
#ifdef PLAIN_TAIL
  bufTail[me] = sent + 1
#else
  d_step { fence(); tail[me] = sent + 1 }
#endif
}

inline commit() {
#ifdef TAIL_FIRST
  publishTail();
#endif
  slot[me * 2 + sent % CAP] = sent + 1;
#ifndef TAIL_FIRST
  publishTail();
#endif
  sent++;
  if
  :: !hasUnrung ->
     seen = sleepE[PEER];
     hasUnrung = (seen & 1) && seen != rungSleep
  :: else
  fi
}

/* ShmLink.#deliver of what is there, then #offerRoom and flush. */
inline deliver() {
  do
  :: seen = tail[PEER];
     assert(seen >= got[me] && seen - got[me] <= CAP);
     if :: seen == got[me] -> break :: else fi;
     /* One batch: up to the ring's end. */
     upTo = ((seen / CAP) > (got[me] / CAP) -> (got[me] / CAP + 1) * CAP : seen);
#ifdef HEAD_FIRST
     d_step { fence(); head[me] = upTo };
#endif
     do
     :: got[me] < upTo ->
        d_step { assert(slot[PEER * 2 + got[me] % CAP] == got[me] + 1); got[me]++ }
     :: else -> break
     od;
#ifndef HEAD_FIRST
     d_step { fence(); assert(head[me] <= upTo); head[me] = upTo };
#endif
     ringForSpace()
  od;
  if
  :: !canWrite ->
     if :: sent - knownHead == CAP -> refreshHead() :: else fi;
     if
     :: sent - knownHead < CAP ->
        canWrite = true;
        space++;
        d_step { fence(); spaceE[me] = space }
     :: else
     fi
  :: else
  fi;
  flush()
}

inline readControl() { fence(); bell[me] = false }

inline onPeerGone() { readControl(); deliver(); ended[me] = true }

proctype Side(bit me) {
  byte sent, knownHead, epoch, space, rungSleep, rungSpace, seen, upTo;
  byte losses = 1;
  bool isOdd, canWrite = true, hasUnrung, hasUnread, mayHaveRoom, retry, hasRungEarly;
  {
turn:
    do
    :: canWrite && sent < COUNT(me) ->
       claim();
       if :: canWrite -> commit() :: else fi
    :: else -> break
    od;
    flush();
    if :: retry -> retry = false; ring() :: else fi;
    /* The loop may poll without blocking before the hook comes to rest. */
    if :: (bell[me] || gone[PEER]) -> goto socket :: true fi;
hook:
    if
    :: mayHaveRoom || tail[PEER] != got[me] -> mayHaveRoom = false; deliver(); goto turn
    :: else
    fi;
    /* ShmLink.tryRest */
    if
    :: hasUnread ->
       hasUnread = false;
#ifndef BELL_SWALLOWED
       readControl();
       if :: !canWrite -> mayHaveRoom = true; goto turn :: else fi
#else
       readControl()
#endif
    :: else
    fi;
    sleep();
#ifndef NO_SECOND_LOOK
    if :: tail[PEER] != got[me] -> wake(); goto turn :: else fi;
#endif
    fence();
    hasRungEarly = false;
endpoll:
    if
    :: bell[me] || gone[PEER]
    :: retry -> retry = false; ring(); goto endpoll
    fi;
socket:
    wake();
    if
    :: tail[PEER] != got[me] && !hasUnread ->
       hasUnread = true;
       if
       :: ringIfAsleep(); hasRungEarly = true
       :: true
       fi;
       deliver()
    :: else ->
       hasUnread = false;
       if
       :: gone[PEER] -> onPeerGone(); goto over
       :: else -> readControl(); deliver()
       fi
    fi;
    goto turn;
over: skip
  } unless { gone[me] }
}

/* The store buffers empty themselves whenever they like, before the side's next system call. */
proctype Drain(bit me) {
enddrain:
  do
  :: atomic { bufSleep[me] || bufTail[me] || bufSpace[me] -> fence() }
  od
}

/* Nobody can do anything any more: everything must have come, or the survivor been told. */
active proctype Watch() {
  timeout;
#ifdef DEATH
  if
  :: gone[0] -> assert(ended[1] && got[1] == tail[0])
  :: else -> assert(DONE)
  fi
#else
  assert(DONE)
#endif
}

#ifdef DEATH
active proctype Killer() { if :: gone[0] = true :: true fi }
#endif

init {
  atomic {
    run Side(0); run Side(1);
#if defined(PLAIN_SLEEP) || defined(PLAIN_TAIL) || defined(PLAIN_SPACE)
    run Drain(0); run Drain(1)
#endif
  }
}

#ifdef LIVENESS
#ifdef DEATH
ltl arrives { <> (DONE || (ended[1] && got[1] == tail[0])) }
#else
ltl arrives { <> DONE }
#endif
#endif
