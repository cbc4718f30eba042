/*
 * Flux's protocol: how an execution is claimed, runs, parks, is cancelled and ends while messages are lost, doubled and
 * overtake each other, workers die or are cut off, and the api dies between a commit and what follows it. README.md tells
 * how to check it and what that proves. States are decided by the table of libs/domain: transitions.pml is made from it.
 */

#ifndef EXECUTIONS
#define EXECUTIONS 2
#endif
#ifndef FAULTS
#define FAULTS 3
#endif

#include "transitions.pml"

/* Facts that the table asks for. */
#define claimedBefore(e) row[e].claimed
#define owned(e) (row[e].owner != NOBODY)
#define signalled(e) row[e].signalled
#define timed(e) false
#define awaitsChild(e) false

#define NOBODY 2 /* The workers are 0 and 1. */
#define isTerminal(e) (row[e].state >= COMPLETED && row[e].state <= CANCELLED)
#define isOwnable(e) (row[e].state == RUNNING || row[e].state == CANCELLING)

/*
 * An execution in PostgreSQL. Of attempts it only matters whether one is the execution's present one, so that is what
 * messages and workers are marked with, instead of with numbers that rise for ever.
 */
typedef Row {
  unsigned state : 4;
  unsigned owner : 2;
  unsigned seq : 2; /* The last checkpoint of the present attempt that was applied. */
  bit claimed; /* A worker has claimed it at some time. */
  bit unanswered; /* The owner's claim has had no answer: asked again, it is granted again. */
  bit delivered; /* The owner has told that the signal reached the body. */
  bit signalled; /* What the checkpoint that is being applied says of that. */
  bit pauseAsked;
  bit kept; /* A resume that came before its pause. */
  bit queued; /* A run message, or several of them, in the queue of its workflow. */
};
Row row[EXECUTIONS];

/* What a worker has of an execution. Its supervisor, its runner and its user code are one here. */
#define IDLE 0
#define ASKING 1 /* It has a run message and its claim has got no answer. */
#define GRANTED 2 /* The api has granted the claim; the answer is under way. */
#define BODY 3 /* The body runs: it may do anything at any time. */
#define CLEANUP 4 /* The body has been signalled: its cleanup runs. */
#define STOPPING 5 /* Another attempt owns it, and it is being stopped; its code may still do anything. */
#ifdef MUTANT_UNGUARDED_CLAIM
#define DECIDED 6
#endif
typedef Held {
  unsigned phase : 3;
  bit present; /* Its attempt is the execution's present one. */
  unsigned seq : 2;
  bit runToCancel; /* The grant says so. */
  bit cancel; /* A cancel of the present attempt is in the control queue. */
  bit pause; /* So is a request to pause. */
  bit late; /* A claim request that has been answered is delivered once more. */
};
typedef Worker {
  Held held[EXECUTIONS];
  bit linked; /* Its connection to the broker stands, and with it its control queue. */
  bit dead;
};
Worker worker[2];
#define my worker[w].held[e]
#define holdsCode(w, e) (worker[w].held[e].phase >= BODY && worker[w].held[e].phase <= STOPPING)

/* The checkpoints of an execution in the broker: worker, of the present attempt?, seq, what, signalled. */
mtype = { RECORD, DELIVER, COMPLETE, FAIL, STOP, SLEEP, PAUSE, PARK, HAND_BACK };
#ifndef ROOM
#define ROOM 3
#endif
chan checkpoints[EXECUTIONS] = [ROOM] of { byte, bit, byte, mtype, bit };

byte faults = FAULTS;
#define fault faults > 0 -> faults--

/* What the caller of a cancel was told. */
#define UNTOLD 0
#define TOLD_CANCELLING 1
#define TOLD_CANCELLED 2
#define TOLD_FINISHED 3
typedef Caller {
  unsigned told : 2;
  bit parked; /* The body has slept or paused. */
  bit paused; /* Somebody has asked for a pause. */
  bit endless; /* The body never ends by itself. */
};
Caller caller[EXECUTIONS];

/* ---- The one way in which an execution is changed, and what has to hold then ---- */

inline withoutOwner(e) {
  row[e].owner = NOBODY; row[e].delivered = 0; row[e].unanswered = 0
}

/* To the state in `to`, as the table has it. */
inline write(e) {
  assert(!isTerminal(e)); /* One terminal state, and nothing after it. */
  assert(to != REFUSED);
  row[e].state = to;
  /* CANCELLED is proof: no code of it is left on a worker that lives. */
  assert(to != CANCELLED || (!holdsCode(0, e) && !holdsCode(1, e)));
  /* The body wins against a cancel only if the signal had not reached it. */
  assert((to != COMPLETED && to != FAILED) || !row[e].signalled || caller[e].told == UNTOLD);
  if
  :: isTerminal(e) -> withoutOwner(e); row[e].pauseAsked = 0; row[e].kept = 0; row[e].seq = 0
  :: else
  fi;
  to = 0
}

/* After the commit. If the api dies between the two, the sweep of the outbox does it later. */
inline dispatch(e) {
  if
  :: row[e].queued = 1
  :: fault
  fi
}

/* To the control queue, which is gone where the owner is; lost, it is sent again. */
inline tellOwner(e) {
  if
  :: worker[row[e].owner].linked -> worker[row[e].owner].held[e].cancel = 1
  :: !worker[row[e].owner].linked
  :: fault
  fi
}

/* To its next owner; PAUSED, where that was asked for. */
inline requeue(e) {
  write(e);
  withoutOwner(e);
  if
  :: row[e].state == SCHEDULED && row[e].pauseAsked -> row[e].pauseAsked = 0; to = to_request_pause(e); write(e)
  :: else -> dispatch(e)
  fi
}

/* ---- Claims ---- */

#define forget by = 0; isPresent = 0; seq = 0; what = 0; sig = 0

/* What earlier attempts have sent is late from now on. */
inline supersede(e) {
  worker[0].held[e].present = 0; worker[0].held[e].cancel = 0; worker[0].held[e].pause = 0;
  worker[1].held[e].present = 0; worker[1].held[e].cancel = 0; worker[1].held[e].pause = 0;
  n = len(checkpoints[e]);
  do
  :: n > 0 -> n--; checkpoints[e]?by, isPresent, seq, what, sig;
#ifdef KEEP_LATE
     checkpoints[e]!by, 0, seq, what, sig
#endif
  :: n == 0 -> break
  od;
  forget
}

#define isGrantedAgain (isOwnable(e) && row[e].owner == w && row[e].unanswered)

inline grant(e, w) {
  supersede(e);
  row[e].owner = w; row[e].claimed = 1; row[e].seq = 0; row[e].delivered = 0; row[e].unanswered = 1;
  write(e)
}

inline answer(e, w) {
  if
  :: my.phase = GRANTED; my.present = 1; my.runToCancel = (row[e].state == CANCELLING)
  :: fault; my.phase = ASKING
#ifdef LATE_REQUESTS
  :: faults > 0 && !my.late -> faults--; my.late = 1;
     my.phase = GRANTED; my.present = 1; my.runToCancel = (row[e].state == CANCELLING)
#endif
  fi
}

/*
 * The request and the api's decision are one step, since whatever may come between them might as well come before. What
 * comes between the decision and its answer is another matter. A refusal ends the claim.
 */
inline ask(e, w) {
  to = to_claim(e);
  if
  :: isGrantedAgain -> answer(e, w)
  :: !isGrantedAgain && to == REFUSED -> my.phase = IDLE
  :: !isGrantedAgain && to != REFUSED -> grant(e, w); answer(e, w)
  fi;
  to = 0
}

/* ---- Checkpoints ---- */

#ifdef MUTANT_NO_FENCE
#define isFenced false
#else
#define isFenced (!isPresent || seq <= row[e].seq || by != row[e].owner || isTerminal(e))
#endif
#define isGap (!isFenced && seq > row[e].seq + 1)

inline applyPark(e) {
  withoutOwner(e);
  if
  :: row[e].state == CANCELLING -> to = CANCELLING; write(e); dispatch(e) /* A run-to-cancel. */
  :: row[e].state != CANCELLING && what == SLEEP ->
     to = to_sleep(e); write(e);
     if
     :: row[e].pauseAsked -> row[e].pauseAsked = 0; to = to_request_pause(e); write(e)
     :: else
     fi
  :: row[e].state != CANCELLING && what != SLEEP ->
     to = to_pause(e); write(e);
     if
     :: what == PAUSE && row[e].kept -> row[e].kept = 0; to = to_resume(e); requeue(e)
     :: what == PARK && !row[e].pauseAsked -> to = to_resume(e); requeue(e) /* Resumed meanwhile. */
     :: else -> row[e].pauseAsked = 0
     fi
  fi
}

inline apply(e) {
  if
  :: isFenced || (what == DELIVER && row[e].state != CANCELLING)
  :: else ->
     assert(isPresent); /* Attempts never fall: what is recorded is of the present one. */
     assert(by == row[e].owner && seq == row[e].seq + 1);
     row[e].seq = seq; row[e].signalled = sig;
     if
     :: what == RECORD -> to = to_checkpoint(e); write(e)
     :: what == DELIVER -> row[e].delivered = 1; to = to_deliver(e); write(e)
#ifdef MUTANT_COMPLETION_WINS
     :: what == COMPLETE -> to = COMPLETED; write(e)
#else
     :: what == COMPLETE -> to = to_complete(e); write(e)
#endif
     :: what == FAIL -> to = to_fail(e); write(e)
     :: what == STOP -> to = to_stop(e); write(e)
     :: what == HAND_BACK -> to = to_hand_back(e); requeue(e)
     :: what == SLEEP || what == PAUSE || what == PARK -> applyPark(e)
     fi;
     row[e].signalled = 0
  fi
}

/* ---- The api: a process for each execution, since what it does for one touches no other ---- */

/* A worker that is cut off stops what it holds by itself; only after that does the api hand it over. */
#ifdef MUTANT_NO_HAND_OVER_RULE
#define mayHandOver(e) true
#else
#define mayHandOver(e) (!holdsCode(row[e].owner, e))
#endif
/*
 * The last moment of a cleanup comes a lease after the grace period: by then whoever is up has it. How long that takes is
 * measured, not modelled.
 */
#define anyoneIsUp (worker[0].linked || worker[1].linked)
#define isGivenUp(e) (row[e].claimed && anyoneIsUp) /* Begun, and nobody cleans up though somebody could. */
#ifdef MUTANT_FINALISES_WITHOUT_WAITING
#define mayExpire(e) true
#undef isGivenUp
#define isGivenUp(e) false
#else
#ifdef MUTANT_GRACE_FROM_REQUEST
#define mayExpire(e) (!owned(e))
#else
#define mayExpire(e) (!owned(e) && !anyoneIsUp)
#endif
#endif

proctype Api(byte e) {
  byte by, seq, to, n;
  bit isPresent, sig;
  mtype what;
end:
  do
  :: atomic { nempty(checkpoints[e]) -> checkpoints[e]?by, isPresent, seq, what, sig;
       if
       :: isGap -> checkpoints[e]!by, isPresent, seq, what, sig /* It waits for its predecessor. */
       :: !isGap -> apply(e)
       :: !isGap && fault; /* The api dies before it has acknowledged it. */
          checkpoints[e]!by, isPresent, seq, what, sig; apply(e)
#ifdef OVERTAKING
       :: !isGap && nempty(checkpoints[e]) && fault; checkpoints[e]!by, isPresent, seq, what, sig
#endif
       fi;
       forget }

  /* The sweeps: what was not published, or taken by nobody, is sent again; sleeps and deadlines end. */
  :: atomic { !row[e].queued && !owned(e) && (row[e].state == SCHEDULED || row[e].state == CANCELLING) ->
       row[e].queued = 1 }
  :: atomic { row[e].state == SLEEPING -> to = to_wake(e); write(e); dispatch(e) }
  :: atomic { row[e].state == CANCELLING && mayExpire(e) ->
       assert(!isGivenUp(e));
       to = CANCELLED; write(e) }

  /* Pings come back, or the lease runs out: its executions go to others. */
  :: atomic { owned(e) && !worker[row[e].owner].linked && mayHandOver(e) -> to = to_lose_owner(e); requeue(e) }
  od
}

/* ---- A worker: a process for each execution that it may hold ---- */

inline publish(w, e, event, isSignalled) {
  my.seq++;
  checkpoints[e]!w, my.present, my.seq, event, isSignalled
}

inline over(w, e) {
  my.phase = IDLE; my.present = 0; my.seq = 0; my.cancel = 0; my.pause = 0
}

inline begin(w, e) {
  assert(row[e].state != CANCELLED && caller[e].told != TOLD_CANCELLED); /* No body starts after that was answered. */
  if
  :: row[e].owner == w -> row[e].unanswered = 0 /* The next claim has another id. */
  :: else
  fi;
  if
  :: my.runToCancel || my.cancel -> my.phase = CLEANUP; publish(w, e, DELIVER, 0) /* The cancel may overtake the grant. */
  :: else -> my.phase = BODY
  fi;
  my.runToCancel = 0; my.cancel = 0
}

#define isMine (row[e].owner == w && my.present && !isTerminal(e))
#define sends(w, e) (worker[w].linked && nfull(checkpoints[e]))

proctype Slot(byte w; byte e) {
  byte by, seq, to, n;
  bit isPresent, sig;
  mtype what;
end:
  do
#ifdef MUTANT_UNGUARDED_CLAIM
  :: atomic { my.phase == IDLE && worker[w].linked && row[e].queued -> row[e].queued = 0; to = to_claim(e);
       if
       :: to != REFUSED -> my.phase = DECIDED
       :: else
       fi;
       to = 0 }
  :: atomic { my.phase == DECIDED -> to = RUNNING; grant(e, w); answer(e, w) }
#else
  :: atomic { my.phase == IDLE && worker[w].linked && row[e].queued -> row[e].queued = 0; ask(e, w) }
#endif
  /* The same claim again, under the same id. */
  :: atomic { my.phase == ASKING -> ask(e, w) }
  :: atomic { my.phase == GRANTED && sends(w, e) -> begin(w, e);
       if
       :: true
       :: !row[e].queued && fault; row[e].queued = 1 /* The run message is delivered once more. */
       fi }
#ifdef LATE_REQUESTS
  /* Nobody waits for the answer. */
  :: atomic { my.late && my.phase != GRANTED && my.phase != ASKING -> my.late = 0; to = to_claim(e);
       if
       :: to != REFUSED -> grant(e, w); row[e].unanswered = 0
       :: else
       fi;
       to = 0 }
#endif

  /* The control queue, and what heartbeats find when they compare notes. */
  :: atomic { my.cancel && my.phase == BODY && sends(w, e) -> my.cancel = 0; my.phase = CLEANUP; publish(w, e, DELIVER, 0) }
  :: atomic { my.cancel && (my.phase == IDLE || my.phase > BODY) -> my.cancel = 0 }
#ifndef MUTANT_NO_RESEND
  :: atomic { row[e].state == CANCELLING && isMine && (my.phase == GRANTED || my.phase == BODY) && !my.runToCancel &&
       worker[w].linked && !my.cancel -> my.cancel = 1 }
#endif
#if PARKING > 1
  :: atomic { my.pause && my.phase == BODY && sends(w, e) -> publish(w, e, PARK, 0); over(w, e) }
  :: atomic { row[e].pauseAsked && isMine && my.phase == BODY && worker[w].linked && !my.pause -> my.pause = 1 }
#endif
  :: atomic { (my.phase == BODY || my.phase == CLEANUP) && worker[w].linked && !isMine -> over(w, e); my.phase = STOPPING }
  :: atomic { my.phase == STOPPING -> my.phase = IDLE }
  /* What it owns and has not known of for a whole lease, nobody runs: answers and checkpoints have arrived by then. */
  :: atomic { worker[w].linked && owned(e) && row[e].owner == w && my.phase == IDLE && empty(checkpoints[e]) ->
       to = to_lose_owner(e); requeue(e) }

  /* The body and its cleanup. Events travel only while the link stands, and bodies go on once they are safe. */
#ifdef RECORDS
  :: atomic { my.phase == BODY && sends(w, e) && my.seq < RECORDS -> publish(w, e, RECORD, 0) }
#endif
  :: atomic { my.phase == BODY && sends(w, e) && !caller[e].endless -> publish(w, e, COMPLETE, 0); over(w, e) }
#ifdef FAILURES
  :: atomic { my.phase == BODY && sends(w, e) && !caller[e].endless -> publish(w, e, FAIL, 0); over(w, e) }
#endif
#if PARKING
  :: atomic { my.phase == BODY && sends(w, e) && !caller[e].parked -> caller[e].parked = 1;
       if
       :: publish(w, e, SLEEP, 0)
       :: publish(w, e, PAUSE, 0)
       fi;
       over(w, e) }
#endif
#ifdef HAND_BACKS
  :: atomic { my.phase == BODY && sends(w, e) && fault; publish(w, e, HAND_BACK, 0); over(w, e) }
#endif
  /* It rethrows or is killed at its deadline, or it returns in spite of the signal. */
  :: atomic { my.phase == CLEANUP && sends(w, e) -> publish(w, e, STOP, 1); over(w, e) }
  :: atomic { my.phase == CLEANUP && sends(w, e) -> publish(w, e, COMPLETE, 1); over(w, e) }
  /* Cut off, it stops by itself what it holds. */
  :: atomic { holdsCode(w, e) && !worker[w].linked -> over(w, e) }
  od
}

/* Without the connection its control queue is gone, and answers on their way; what was not acknowledged comes back. */
inline unlink(w, e) {
  my.cancel = 0; my.pause = 0; my.runToCancel = 0;
  if
  :: my.phase == ASKING || my.phase == GRANTED -> my.phase = IDLE; my.present = 0; row[e].queued = 1
  :: else
  fi
}

inline unlinkAll(w) {
  worker[w].linked = 0;
  unlink(w, 0);
#if EXECUTIONS > 1
  unlink(w, 1)
#endif
}

proctype Link(byte w) {
end:
  do
  :: atomic { worker[w].linked && fault; unlinkAll(w) }
  :: atomic { !worker[w].linked && !worker[w].dead -> worker[w].linked = 1 }
  :: atomic { worker[w].linked && fault; unlinkAll(w); worker[w].dead = 1; over(w, 0);
#if EXECUTIONS > 1
       over(w, 1)
#endif
     }
  od
}

/* ---- Who cancels, pauses and resumes ---- */

proctype Client(byte e) {
  byte to;
end:
  do
  :: atomic { caller[e].told == UNTOLD ->
       to = to_cancel(e);
       if
       :: to == REFUSED -> caller[e].told = TOLD_FINISHED
       :: to == CANCELLED -> caller[e].told = TOLD_CANCELLED; write(e)
       :: to == CANCELLING -> caller[e].told = TOLD_CANCELLING; row[e].pauseAsked = 0; row[e].kept = 0; write(e);
          if
          :: owned(e) -> tellOwner(e)
          :: else -> dispatch(e)
          fi
       fi;
       to = 0 }
#if PARKING
  :: atomic { row[e].state == PAUSED -> to = to_resume(e); write(e); dispatch(e) }
#endif
#if PARKING > 1
  :: atomic { row[e].state == RUNNING && !row[e].kept && !row[e].pauseAsked && !caller[e].parked -> row[e].kept = 1 }
  :: atomic { row[e].state == RUNNING && row[e].pauseAsked -> row[e].pauseAsked = 0 }
  :: atomic { !caller[e].paused && !isTerminal(e) && row[e].state != CANCELLING -> caller[e].paused = 1;
       if
       :: row[e].state == RUNNING -> row[e].pauseAsked = 1
       :: row[e].state == PAUSED
       :: else -> to = to_request_pause(e); write(e)
       fi }
#endif
  od
}

/* When nothing can happen any more, everything has ended that has somebody to end it. */
#define nobodyLives (worker[0].dead && worker[1].dead)
#define isSettled(e) (isTerminal(e) || (row[e].state == SCHEDULED && nobodyLives))
proctype Monitor() {
end:
  atomic { timeout -> assert(isSettled(0) && isSettled(EXECUTIONS - 1)) }
}

#ifdef LIVENESS
#define cancelling (row[0].state == CANCELLING)
#define ended (row[0].state >= COMPLETED)
ltl every_cancel_ends { [] (cancelling -> <> ended) }
#endif

init {
  byte i;
  atomic {
    worker[0].linked = 1; worker[1].linked = 1;
    for (i : 0 .. EXECUTIONS - 1) {
      row[i].owner = NOBODY; row[i].queued = 1;
      if
      :: caller[i].endless = 0
      :: caller[i].endless = 1
      fi;
      run Api(i); run Client(i); run Slot(0, i); run Slot(1, i)
    }
    run Link(0); run Link(1); run Monitor();
    i = 0
  }
}
