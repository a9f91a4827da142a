/* pacer.h - a thread that does one piece of work when woken, and not more often than a gap
 * allows. It sleeps without limit while nobody wakes it. */
#ifndef STORE_PACER_H
#define STORE_PACER_H

struct pacer;

/* NULL when the system gives no thread. `work` runs on the pacer's thread only; signals are
 * blocked there. The name (at most 15 characters) is the thread's, for people. */
struct pacer *pacer_start(const char *name, void (*work)(void *self), void *self, int gap_ms);
/* From any thread, at any rate: wakes between two runs of the work count as one. */
void pacer_wake(struct pacer *pacer);
/* Returns when the thread has ended; a run that has begun is waited for. Accepts NULL. */
void pacer_stop(struct pacer *pacer);

#endif
