/*
 * The handshake of one connection (docs/PROTOCOL.md 2.1): packages/transport/src/handshake-states.ts
 * and who owns which descriptor in packages/shm/src/{connect-shm,incoming-shm,handshake-socket}.ts.
 * Frames cross, the time of either side is over, either side dies, at any step.
 *
 * Planted: DOUBLE_CLOSE, LEAK_ON_REJECT, LATE_ACCEPT (after its time is over), EARLY_OPEN (client
 * opens without an answer), NO_TIMEOUT.
 */
mtype = { NEW, ASKED, WAITING, OPEN, END };
mtype = { REQUEST, ACCEPT, REJECT, JUNK };

#define CLIENT 0
#define SERVER 1
#define BOTH_END (state[CLIENT] == END && state[SERVER] == END)
#define BOTH_OPEN (state[CLIENT] == OPEN && state[SERVER] == OPEN)

mtype state[2] = NEW;
/* Each with the number of descriptors that came along. The kernel closes what nobody reads. */
chan toServer = [2] of { mtype, byte };
chan toClient = [1] of { mtype, byte };
bool hungUp[2];
bool dead[2];
/* Descriptors: of the side's own region, of the region that came from the other. */
byte own[2];
byte passed[2];
bool accepted; /* the server has */

inline closeOne(count) { assert(count == 1); count-- }
inline closeIfAny(count) { if :: count > 0 -> closeOne(count) :: else fi }

/* The side's end: its descriptors are closed, the other sees the end of the stream. */
inline finish(me) {
  atomic {
    closeIfAny(own[me]);
    closeIfAny(passed[me]);
    state[me] = END;
    hungUp[me] = true
  }
}

proctype Client() {
  mtype frame;
  byte count;
  bool mayJunk;
  {
    if :: mayJunk = true :: true fi;
    own[CLIENT]++;
    /* A server that refuses may have done so already: then nothing is sent. */
    if
    :: atomic { nempty(toClient) -> state[CLIENT] = NEW }
    :: atomic { !hungUp[SERVER] -> toServer!REQUEST,1; state[CLIENT] = WAITING }
    :: atomic { hungUp[SERVER] && empty(toClient) -> finish(CLIENT); goto over }
    fi;
#ifdef EARLY_OPEN
    if :: state[CLIENT] == WAITING -> state[CLIENT] = OPEN; goto open :: else fi;
#endif
    do
    :: atomic { toClient?frame,count ->
         passed[CLIENT] = passed[CLIENT] + count;
         if
         :: state[CLIENT] == WAITING && frame == ACCEPT -> state[CLIENT] = OPEN; goto open
         :: else -> finish(CLIENT); goto over
         fi
       }
    :: atomic { hungUp[SERVER] && empty(toClient) -> finish(CLIENT); goto over }
    :: atomic { state[CLIENT] == WAITING && mayJunk && !hungUp[SERVER] ->
         mayJunk = false; toServer!JUNK,0 }
#ifndef NO_TIMEOUT
    :: /* its time is over */ finish(CLIENT); goto over
#endif
    od;
open:
    assert(accepted);
    /* The mapping holds the region from here on: the descriptors are not needed. */
    atomic { closeOne(own[CLIENT]); closeIfAny(passed[CLIENT]) };
endopen:
    atomic { hungUp[SERVER] -> finish(CLIENT) };
over: skip
  } unless { dead[CLIENT] }
}

proctype Server() {
  mtype frame;
  byte count;
  bool mayDecide; /* the program may never decide */
  {
    if :: mayDecide = true :: true fi;
    do
    :: atomic { state[SERVER] == NEW && nempty(toServer) ->
         toServer?frame,count;
         passed[SERVER] = passed[SERVER] + count;
         if
         :: frame == REQUEST -> state[SERVER] = ASKED
         :: frame == REQUEST -> goto refuse /* versions do not meet */
         :: else -> finish(SERVER); goto over
         fi
       }
    :: atomic { state[SERVER] == NEW -> goto refuse } /* busy */
    :: atomic { state[SERVER] == ASKED && mayDecide -> goto refuse } /* reject, busy */
    :: atomic { state[SERVER] == ASKED && mayDecide && empty(toServer) && !hungUp[CLIENT] ->
         own[SERVER]++;
         toClient!ACCEPT,1;
         accepted = true;
         state[SERVER] = OPEN;
         closeOne(own[SERVER]);
         closeOne(passed[SERVER]);
         goto open
       }
    :: atomic { state[SERVER] == ASKED && (nempty(toServer) || hungUp[CLIENT]) ->
         finish(SERVER); goto over }
    :: atomic { state[SERVER] == NEW && hungUp[CLIENT] && empty(toServer) ->
         finish(SERVER); goto over }
#ifndef NO_TIMEOUT
    :: /* its time is over */
       atomic {
#ifdef DOUBLE_CLOSE
         if
         :: state[SERVER] == ASKED -> passed[SERVER]--; closeOne(passed[SERVER])
         :: else
         fi;
#endif
         finish(SERVER)
       };
#ifdef LATE_ACCEPT
       toClient!ACCEPT,1;
#endif
       goto over
#endif
    od;
refuse:
#ifdef LEAK_ON_REJECT
    atomic { toClient!REJECT,0; state[SERVER] = END; hungUp[SERVER] = true };
#else
    atomic { if :: !hungUp[CLIENT] -> toClient!REJECT,0 :: else fi; finish(SERVER) };
#endif
    goto over;
open:
    /* A byte that is no token of section 4.4 is a violation, and ends it. */
endopen:
    atomic { hungUp[CLIENT] || nempty(toServer) -> finish(SERVER) };
over: skip
  } unless { dead[SERVER] }
}

/* A process that dies: the kernel closes all it has. */
inline die(me) {
  atomic {
    if
    :: state[me] != END -> own[me] = 0; passed[me] = 0; dead[me] = true; state[me] = END;
       hungUp[me] = true
    :: else
    fi
  }
}
active proctype Killer() { if :: true; die(CLIENT) :: true; die(SERVER) :: true fi }

/* At rest: both talk or both have ended, and nobody has a descriptor left. */
active proctype Watch() {
  timeout;
  assert(BOTH_OPEN || BOTH_END);
  assert(own[CLIENT] + own[SERVER] + passed[CLIENT] + passed[SERVER] == 0)
}

init { atomic { run Client(); run Server() } }

#ifdef LIVENESS
ltl agrees { <> (BOTH_OPEN || BOTH_END) }
#endif
