/*
 * A fixed group of threads that runs one job after another together, the caller as thread 0. Between jobs the workers
 * sleep. Without CX_THREADS (see cx_threads.c) there is only the caller.
 */
#ifndef CX_THREADS_H
#define CX_THREADS_H

#include <stdint.h>

typedef struct cx_team cx_team;

/** Work of one thread; called with every number from 0 to the size of the team - 1, each on its own thread. */
typedef void (*cx_job)(void *argument, cx_team *team, uint32_t thread);

/** Makes a team of `threads` >= 1, or NULL when memory or threads cannot be had; nothing is left behind then. */
cx_team *cx_team_create(uint32_t threads);
/** Ends the workers; NULL is fine. */
void cx_team_destroy(cx_team *team);
uint32_t cx_team_size(const cx_team *team);
/** Runs a job on all threads. The job may end on the workers after this returns: jobs end in cx_team_meet. */
void cx_team_start(cx_team *team, cx_job job, void *argument);
/** Waits until every thread has come here; what they wrote before is visible to all afterwards. */
void cx_team_meet(cx_team *team);

#endif
