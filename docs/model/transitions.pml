/*
 * The transition table of libs/domain/src/transitions.ts as macros: the state that a trigger leads to in execution e,
 * or REFUSED. Facts are macros of flux.pml. Written by npm run generate; a test fails when it differs from the table.
 */

#define SCHEDULED 0
#define RUNNING 1
#define PAUSED 2
#define SLEEPING 3
#define CANCELLING 4
#define COMPLETED 5
#define FAILED 6
#define CANCELLED 7
#define REFUSED 8

#define to_claim(e) \
  (row[e].state == SCHEDULED -> RUNNING : \
  (row[e].state == CANCELLING -> (owned(e) -> REFUSED : CANCELLING) : \
  REFUSED))

#define to_checkpoint(e) \
  (row[e].state == RUNNING -> RUNNING : \
  (row[e].state == CANCELLING -> CANCELLING : \
  REFUSED))

#define to_complete(e) \
  (row[e].state == RUNNING -> COMPLETED : \
  (row[e].state == CANCELLING -> (signalled(e) -> CANCELLED : COMPLETED) : \
  REFUSED))

#define to_fail(e) \
  (row[e].state == RUNNING -> FAILED : \
  (row[e].state == CANCELLING -> (signalled(e) -> CANCELLED : FAILED) : \
  REFUSED))

#define to_cancel(e) \
  (row[e].state == SCHEDULED -> (claimedBefore(e) -> CANCELLING : CANCELLED) : \
  (row[e].state == RUNNING -> CANCELLING : \
  (row[e].state == PAUSED -> (claimedBefore(e) -> CANCELLING : CANCELLED) : \
  (row[e].state == SLEEPING -> CANCELLING : \
  (row[e].state == CANCELLING -> CANCELLING : \
  (row[e].state == CANCELLED -> CANCELLED : \
  REFUSED))))))

#define to_undo_cancel(e) \
  (row[e].state == SCHEDULED -> (delayed(e) -> SCHEDULED : REFUSED) : \
  (row[e].state == RUNNING -> (delayed(e) -> RUNNING : REFUSED) : \
  (row[e].state == PAUSED -> (delayed(e) -> PAUSED : REFUSED) : \
  (row[e].state == SLEEPING -> (delayed(e) -> SLEEPING : REFUSED) : \
  (row[e].state == CANCELLING -> (unsent(e) -> (wasSleeping(e) -> SLEEPING : (wasPaused(e) -> PAUSED : SCHEDULED)) : REFUSED) : \
  REFUSED)))))

#define to_deliver(e) \
  (row[e].state == CANCELLING -> CANCELLING : \
  REFUSED)

#define to_stop(e) \
  (row[e].state == CANCELLING -> CANCELLED : \
  REFUSED)

#define to_expire(e) \
  (row[e].state == CANCELLING -> (owned(e) -> REFUSED : CANCELLED) : \
  REFUSED)

#define to_sleep(e) \
  (row[e].state == RUNNING -> SLEEPING : \
  REFUSED)

#define to_wake(e) \
  (row[e].state == PAUSED -> (timed(e) -> SCHEDULED : REFUSED) : \
  (row[e].state == SLEEPING -> SCHEDULED : \
  REFUSED))

#define to_pause(e) \
  (row[e].state == RUNNING -> PAUSED : \
  REFUSED)

#define to_request_pause(e) \
  (row[e].state == SCHEDULED -> PAUSED : \
  (row[e].state == RUNNING -> RUNNING : \
  (row[e].state == PAUSED -> PAUSED : \
  (row[e].state == SLEEPING -> PAUSED : \
  REFUSED))))

#define to_resume(e) \
  (row[e].state == SCHEDULED -> SCHEDULED : \
  (row[e].state == RUNNING -> RUNNING : \
  (row[e].state == PAUSED -> SCHEDULED : \
  (row[e].state == SLEEPING -> SLEEPING : \
  REFUSED))))

#define to_hand_back(e) \
  (row[e].state == RUNNING -> SCHEDULED : \
  (row[e].state == CANCELLING -> CANCELLING : \
  REFUSED))

#define to_lose_owner(e) \
  (row[e].state == RUNNING -> SCHEDULED : \
  (row[e].state == CANCELLING -> CANCELLING : \
  REFUSED))

#define to_start_child(e) \
  (row[e].state == RUNNING -> RUNNING : \
  (row[e].state == CANCELLING -> CANCELLING : \
  REFUSED))

#define to_finish_child(e) \
  (row[e].state == SCHEDULED -> SCHEDULED : \
  (row[e].state == RUNNING -> RUNNING : \
  (row[e].state == PAUSED -> (awaitsChild(e) -> SCHEDULED : PAUSED) : \
  (row[e].state == SLEEPING -> (awaitsChild(e) -> SCHEDULED : SLEEPING) : \
  (row[e].state == CANCELLING -> CANCELLING : \
  REFUSED)))))
