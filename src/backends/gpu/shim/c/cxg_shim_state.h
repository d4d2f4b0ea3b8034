/*
 * What the parts of the shim share: the block that runs, its threads, and who waits for whom. One launch at a time, one
 * block after another, each thread of it a fiber.
 */
#ifndef CXG_SHIM_STATE_H
#define CXG_SHIM_STATE_H

#include <stdio.h>

#include <vector>

#define CXG_SHIM 1
#include "cxg_prims.cuh"
#include "cxg_shim_fiber.h"

constexpr int CXG_MAX_THREADS = 1024, CXG_WARP = 32, CXG_GROUP = 128, CXG_MAX_WARPS = CXG_MAX_THREADS / CXG_WARP;
constexpr uint32_t CXG_MAX_SHARED = 227 << 10;
/** Where dynamic shared memory starts in the shared window: the system keeps the first KiB of a block on sm_80 and newer. */
constexpr uint32_t CXG_SHARED_START = 1024;
/** What shared memory holds before a kernel writes it. */
constexpr uint8_t CXG_POISON = 0xcb;

struct cxg_thread;

/** An instruction that several threads execute together. */
struct cxg_operation {
  const char *name;
  /** Does it for `count` threads, whose arguments lie on their stacks. */
  void (*run)(cxg_thread *threads, int count);
};

/** A copy from global to shared memory that was started. */
struct cxg_copy {
  uint8_t *to;
  const uint8_t *from;
  int size, bytes;
};

struct cxg_thread {
  int index;
  uint3 id;
  /** Null before it starts. */
  cxg_fiber *fiber;
  void *arguments;
  /** What it waits in, for reports. */
  const char *waits_in;
  /** Copies that are not awaited yet, oldest first, and how many there were at each commit. */
  std::vector<cxg_copy> copies;
  std::vector<size_t> groups;
  /** What its copies wrote that wgmma does not see yet, and how much of that was before its last fence.proxy.async. */
  std::vector<cxg_copy> landed;
  size_t fenced_copies;
  /** It executed fence.proxy.async, and wrote nothing by copies since. */
  bool fenced;
};

/** Threads on their way into one collective instruction. */
struct cxg_meeting {
  const cxg_operation *operation;
  int detail, arrived, first;
};

/** A bit for each lane. */
struct cxg_warp_state {
  uint32_t unstarted, ready, done;
  cxg_meeting meeting;
};

struct cxg_barrier_state {
  int expected, arrived;
  uint32_t waiting[CXG_MAX_WARPS];
};

struct cxg_block_state {
  int threads, warps, done;
  /** Warps with a lane that can run. */
  uint32_t runnable;
  cxg_warp_state warp[CXG_MAX_WARPS];
  cxg_meeting group[CXG_MAX_THREADS / CXG_GROUP];
  cxg_barrier_state barrier[16];
};

/** The launch that runs; null between launches. */
extern CXG_HIDDEN const cxg_launch *cxg_current_launch;
extern CXG_HIDDEN cxg_block_state cxg_block;
extern CXG_HIDDEN cxg_thread cxg_threads[CXG_MAX_THREADS];
/** The thread that runs. */
extern CXG_HIDDEN cxg_thread *cxg_now;

/** The 32 threads from a multiple of 32 on, or 128, do `operation` together; `detail` has to be the same for all. */
CXG_HIDDEN void cxg_meet(int size, const cxg_operation *operation, int detail, void *arguments);
/** As cxg_shim_fail, also from a signal handler. */
[[noreturn]] CXG_HIDDEN void cxg_abandon(cxg_result result, const char *text);

/* cxg_shim_check.cpp */
/** An access of the thread that runs, by an instruction or by the shim for it. */
CXG_HIDDEN void cxg_check_access(const void *address, size_t size, bool writes);
CXG_HIDDEN void cxg_check_launch_begins();
CXG_HIDDEN void cxg_check_block_begins();
CXG_HIDDEN void cxg_check_barrier();
CXG_HIDDEN void cxg_check_warp_barrier(int warp);

/* cxg_shim_memory.cpp */
CXG_HIDDEN bool cxg_shared_allocate();
CXG_HIDDEN void cxg_shared_release();
CXG_HIDDEN void cxg_shared_begin(uint32_t bytes);
/** The first byte that the block wrote past its shared memory, -1 when it wrote none. */
CXG_HIDDEN int64_t cxg_shared_overrun();
/** Checks `size` bytes in shared memory of an instruction and returns them. */
CXG_HIDDEN uint8_t *cxg_shared_place(const char *what, const void *p, int size);
/** The same of an address in the shared window. */
CXG_HIDDEN uint8_t *cxg_shared_window(const char *what, uint32_t address, int size);
CXG_HIDDEN uint32_t cxg_shared_bytes();
/** Whether an address is in the pages of shared memory or in their guards. */
CXG_HIDDEN bool cxg_shared_mapped(const uint8_t *p);
/** "byte 5 of 64 bytes of shared memory", or where it is from the kernel's arguments on. */
CXG_HIDDEN void cxg_describe_place(const void *address, char *text, size_t size);
CXG_HIDDEN void cxg_catch_faults();
CXG_HIDDEN void cxg_release_faults();

/* cxg_shim_async.cpp */
CXG_HIDDEN void cxg_async_thread_begins(cxg_thread *thread);
CXG_HIDDEN void cxg_async_block_begins();
/** All threads of `waiting` have arrived at a barrier. */
CXG_HIDDEN void cxg_async_barrier(const uint32_t *waiting);

#endif
