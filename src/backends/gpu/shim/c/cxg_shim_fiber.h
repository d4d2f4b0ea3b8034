/*
 * Fibers: stacks of their own that one thread of the system switches between.
 */
#ifndef CXG_SHIM_FIBER_H
#define CXG_SHIM_FIBER_H

#if !defined(__x86_64__) && !defined(__aarch64__)
#include <ucontext.h>
#endif

struct cxg_fiber {
#if defined(__x86_64__) || defined(__aarch64__)
  /** Stack pointer while it does not run; the other callee-saved registers lie there. */
  void *sp;
#else
  ucontext_t context;
#endif
  void *stack;
  cxg_fiber *next_free;
};

/** A fiber with a stack that begins with `entry`, which never returns. Null when there is no memory for it. */
cxg_fiber *cxg_fiber_new(void (*entry)());
/** Gives its stack back; it must not run. */
void cxg_fiber_free(cxg_fiber *fiber);
/** Makes a fiber begin again, wherever it stopped. */
void cxg_fiber_reset(cxg_fiber *fiber, void (*entry)());
/** Stops this fiber and goes on with another. */
void cxg_fiber_switch(cxg_fiber *from, cxg_fiber *to);
/** Whether an address is on the stack of a fiber. */
bool cxg_fiber_owns(const cxg_fiber *fiber, const void *address);
/** Whether an address is in the guard below the stack of a fiber. */
bool cxg_fiber_overflows(const cxg_fiber *fiber, const void *address);

#endif
