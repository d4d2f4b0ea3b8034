/*
 * Launches: blocks one after another, threads as fibers in one of three orders. A fiber runs until its thread waits for
 * others; when it ends, the fiber starts the next thread itself. So a kernel without barriers costs one fiber and no switch.
 */
#include <stdarg.h>
#include <stdio.h>

#include "cxg_shim_state.h"

uint3 threadIdx, blockIdx;
dim3 blockDim, gridDim;
const cxg_launch *cxg_current_launch;
cxg_block_state cxg_block;
cxg_thread cxg_threads[CXG_MAX_THREADS];
cxg_thread *cxg_now;

namespace {

cxg_fiber main_fiber;
std::vector<cxg_fiber *> all_fibers;
cxg_fiber *free_fibers;
uint64_t random_state;
cxg_result failure;
char failure_text[1024];

/** xorshift64*, upper half. */
uint32_t random_below(uint32_t bound) {
  random_state ^= random_state >> 12;
  random_state ^= random_state << 25;
  random_state ^= random_state >> 27;
  return uint32_t((random_state * 2685821657736338717ull >> 32) * bound >> 32);
}

int pick_bit(uint32_t bits) {
  switch (cxg_current_launch->order) {
    case CXG_ORDER_FORWARD: return __builtin_ctz(bits);
    case CXG_ORDER_REVERSE: return 31 - __builtin_clz(bits);
    default: break;
  }
  for (uint32_t skip = random_below(uint32_t(__builtin_popcount(bits))); skip > 0; skip--) bits &= bits - 1;
  return __builtin_ctz(bits);
}

void update_runnable(int warp) {
  const cxg_warp_state &w = cxg_block.warp[warp];
  const uint32_t bit = 1u << warp;
  cxg_block.runnable = w.unstarted | w.ready ? cxg_block.runnable | bit : cxg_block.runnable & ~bit;
}

/** The next thread to run, taken from those that can; null when none can. */
cxg_thread *pick_thread() {
  if (cxg_block.runnable == 0) return nullptr;
  const int warp = pick_bit(cxg_block.runnable);
  cxg_warp_state &w = cxg_block.warp[warp];
  const int lane = pick_bit(w.unstarted | w.ready);
  w.unstarted &= ~(1u << lane);
  w.ready &= ~(1u << lane);
  update_runnable(warp);
  return &cxg_threads[warp * CXG_WARP + lane];
}

void wake(cxg_thread *thread) {
  cxg_block.warp[thread->index / CXG_WARP].ready |= 1u << thread->index % CXG_WARP;
  cxg_block.runnable |= 1u << thread->index / CXG_WARP;
}

/** "thread 5 waits in mma", for at most 4 threads that wait for different things. */
[[noreturn]] void fail_deadlock() {
  char text[400];
  int at = 0;
  const char *last = nullptr;
  for (int i = 0, shown = 0; i < cxg_block.threads && shown < 4; i++) {
    const cxg_thread &t = cxg_threads[i];
    const bool done = cxg_block.warp[i / CXG_WARP].done >> i % CXG_WARP & 1;
    const char *what = done ? "has returned" : t.waits_in;
    if (what == last) continue;
    last = what;
    at += snprintf(text + at, sizeof text - size_t(at), "%sthread %d %s%s", shown++ == 0 ? "" : ", ", i, done ? "" : "waits in ", what);
  }
  cxg_shim_fail(CXG_LAUNCH_FAILED, "deadlock: from there on %s", text);
}

void begin_thread(cxg_thread *thread) {
  const uint32_t i = uint32_t(thread->index), line = i / blockDim.x;
  thread->id = {i % blockDim.x, line % blockDim.y, line / blockDim.y};
  cxg_async_thread_begins(thread);
}

void fiber_main();

/** Sees to it that there is a free fiber. */
bool provide_fiber() {
  if (free_fibers != nullptr) return true;
  free_fibers = cxg_fiber_new(fiber_main);
  if (free_fibers == nullptr) return false;
  all_fibers.push_back(free_fibers);
  return true;
}

cxg_fiber *take_fiber() {
  if (!provide_fiber()) cxg_shim_fail(CXG_LAUNCH_FAILED, "no memory for the stack of a thread");
  cxg_fiber *fiber = free_fibers;
  free_fibers = fiber->next_free;
  return fiber;
}

/** Every module has a shim of its own, and a process may load thousands, one after the other: nothing stays when one is unloaded. */
struct unloading {
  ~unloading() {
    for (cxg_fiber *fiber : all_fibers) cxg_fiber_free(fiber);
    cxg_shared_release();
  }
} releases;

/** Leaves `from` for the next thread that can run. */
void leave(cxg_fiber *from, cxg_thread *next) {
  if (next == nullptr) {
    if (cxg_block.done < cxg_block.threads) fail_deadlock();
    cxg_fiber_switch(from, &main_fiber);
    return;
  }
  if (next->fiber == nullptr) {
    next->fiber = take_fiber();
    begin_thread(next);
  }
  cxg_now = next;
  threadIdx = next->id;
  cxg_fiber_switch(from, next->fiber);
}

/** Stops this thread until another wakes it. */
void wait_in(const char *what) {
  cxg_thread *self = cxg_now;
  self->waits_in = what;
  leave(self->fiber, pick_thread());
}

void finish_thread() {
  cxg_warp_state &w = cxg_block.warp[cxg_now->index / CXG_WARP];
  w.done |= 1u << cxg_now->index % CXG_WARP;
  cxg_block.done++;
}

/** Runs threads: cxg_now, then those that have not started, for as long as no other can go on. */
void fiber_main() {
  for (;;) {
    cxg_current_launch->kernel(cxg_current_launch->env);
    finish_thread();
    cxg_fiber *self = cxg_now->fiber;
    cxg_thread *next = pick_thread();
    if (next != nullptr && next->fiber == nullptr) {
      next->fiber = self;
      begin_thread(next);
      cxg_now = next;
      threadIdx = next->id;
      continue;
    }
    self->next_free = free_fibers;
    free_fibers = self;
    leave(self, next);
  }
}

void run_block(uint32_t index) {
  const cxg_launch &l = *cxg_current_launch;
  blockIdx = {index % l.grid[0], index / l.grid[0] % l.grid[1], index / l.grid[0] / l.grid[1]};
  memset(&cxg_block, 0, sizeof cxg_block);
  cxg_block.threads = int(blockDim.x * blockDim.y * blockDim.z);
  cxg_block.warps = (cxg_block.threads + CXG_WARP - 1) / CXG_WARP;
  for (int w = 0; w < cxg_block.warps; w++) {
    const int lanes = cxg_block.threads - w * CXG_WARP;
    cxg_block.warp[w].unstarted = lanes >= CXG_WARP ? ~0u : (1u << lanes) - 1;
    update_runnable(w);
  }
  for (int i = 0; i < cxg_block.threads; i++) cxg_threads[i].fiber = nullptr;
  cxg_shared_begin(l.shared_bytes);
  cxg_async_block_begins();
  cxg_check_block_begins();
  leave(&main_fiber, pick_thread());
  const int64_t written = failure == CXG_OK ? cxg_shared_overrun() : -1;
  if (written < 0) return;
  failure = CXG_ILLEGAL_ADDRESS;
  snprintf(failure_text, sizeof failure_text, "%s: block (%u, %u, %u), some thread: writes byte %lld of %u bytes of shared memory", l.name,
           blockIdx.x, blockIdx.y, blockIdx.z, (long long)written, l.shared_bytes);
}

/** A step that is prime to `count`, so that i * step + start runs through all blocks. */
uint64_t step_prime_to(uint64_t count) {
  for (uint64_t step = count / 2 + random_below(uint32_t(count)); step > 1; step--) {
    uint64_t a = step, b = count;
    while (b != 0) {
      const uint64_t rest = a % b;
      a = b;
      b = rest;
    }
    if (a == 1) return step;
  }
  return 1;
}

void run_blocks(uint64_t count) {
  const cxg_order order = cxg_current_launch->order;
  const uint64_t step = order == CXG_ORDER_PERMUTED ? step_prime_to(count) : 1;
  for (uint64_t i = 0; i < count && failure == CXG_OK; i++)
    run_block(uint32_t(order == CXG_ORDER_REVERSE ? count - 1 - i : i * step % count));
}

/** After a failure fibers stand anywhere. */
void reset_fibers() {
  free_fibers = nullptr;
  for (cxg_fiber *fiber : all_fibers) {
    cxg_fiber_reset(fiber, fiber_main);
    fiber->next_free = free_fibers;
    free_fibers = fiber;
  }
}

/** Why a launch is refused before it starts, with the limits of all targets; null when it is not. */
const char *refusal(const cxg_launch &l, uint64_t blocks, uint64_t threads) {
  if (l.kernel == nullptr) return "there is no kernel";
  if (blocks == 0 || l.grid[0] > 0x7fffffffu || l.grid[1] > 65535 || l.grid[2] > 65535) return "the grid is empty or too large";
  if (blocks > 0x7fffffffu) return "the grid has 2^31 blocks or more";
  if (threads == 0 || threads > CXG_MAX_THREADS || l.block[2] > 64) return "a block has 1 to 1024 threads";
  return l.shared_bytes > CXG_MAX_SHARED ? "a block has at most 227 KiB of shared memory" : nullptr;
}

}  // namespace

void cxg_meet(int size, const cxg_operation *operation, int detail, void *arguments) {
  cxg_thread *self = cxg_now;
  const int first = self->index / size * size;
  if (first + size > cxg_block.threads)
    cxg_shim_fail(CXG_LAUNCH_FAILED, "%s needs %d threads, there are %d from %d on", operation->name, size, cxg_block.threads - first, first);
  cxg_meeting &m = size == CXG_WARP ? cxg_block.warp[first / CXG_WARP].meeting : cxg_block.group[first / CXG_GROUP];
  if (m.arrived == 0) {
    m.operation = operation;
    m.detail = detail;
    m.first = self->index;
  } else if (m.operation != operation || m.detail != detail) {
    cxg_shim_fail(CXG_LAUNCH_FAILED, "divergence: executes %s (%d) while thread %d of the same %s waits in %s (%d)", operation->name,
                  detail, m.first, size == CXG_WARP ? "warp" : "warpgroup", m.operation->name, m.detail);
  }
  self->arguments = arguments;
  if (++m.arrived < size) {
    wait_in(operation->name);
    return;
  }
  m.arrived = 0;
  operation->run(cxg_threads + first, size);
  for (int i = first; i < first + size; i++)
    if (i != self->index) wake(cxg_threads + i);
}

void cxg_shim_barrier(int id, int threads) {
  if (id < 0 || id > 15) cxg_shim_fail(CXG_LAUNCH_FAILED, "there is no barrier %d, only 0 to 15", id);
  const int expected = id == 0 && threads == 0 ? cxg_block.threads : threads;
  if (expected <= 0 || expected > cxg_block.threads || (expected % CXG_WARP != 0 && expected != cxg_block.threads))
    cxg_shim_fail(CXG_LAUNCH_FAILED, "barrier %d of %d threads in a block of %d", id, expected, cxg_block.threads);
  if (expected == cxg_block.threads && cxg_block.done > 0)
    cxg_shim_fail(CXG_LAUNCH_FAILED, "barrier %d of all threads after %d have returned", id, cxg_block.done);
  cxg_barrier_state &b = cxg_block.barrier[id];
  if (b.arrived > 0 && b.expected != expected)
    cxg_shim_fail(CXG_LAUNCH_FAILED, "barrier %d of %d threads, but others wait there for %d", id, expected, b.expected);
  b.expected = expected;
  const int self = cxg_now->index;
  b.waiting[self / CXG_WARP] |= 1u << self % CXG_WARP;
  if (++b.arrived < expected) {
    wait_in("a barrier");
    return;
  }
  cxg_async_barrier(b.waiting);
  cxg_check_barrier();
  for (int i = 0; i < cxg_block.threads; i++)
    if (i != self && b.waiting[i / CXG_WARP] >> i % CXG_WARP & 1) wake(cxg_threads + i);
  b = {};
}

void cxg_abandon(cxg_result result, const char *text) {
  failure = result;
  snprintf(failure_text, sizeof failure_text, "%s: block (%u, %u, %u), thread (%u, %u, %u): %s", cxg_current_launch->name, blockIdx.x,
           blockIdx.y, blockIdx.z, threadIdx.x, threadIdx.y, threadIdx.z, text);
  static cxg_fiber lost;
  cxg_fiber_switch(&lost, &main_fiber);
  __builtin_unreachable();
}

void cxg_shim_fail(cxg_result result, const char *format, ...) {
  char text[700];
  va_list list;
  va_start(list, format);
  vsnprintf(text, sizeof text, format, list);
  va_end(list);
  cxg_abandon(result, text);
}

cxg_result cxg_shim_launch(const cxg_launch *launch, char *message, size_t size) {
  const uint64_t blocks = uint64_t(launch->grid[0]) * launch->grid[1] * launch->grid[2];
  const uint64_t threads = uint64_t(launch->block[0]) * launch->block[1] * launch->block[2];
  const char *refused = refusal(*launch, blocks, threads);
  /* The first fiber is needed where no other can report that there is none. */
  if (refused == nullptr && (!cxg_shared_allocate() || !provide_fiber())) refused = "there is no memory for the shim";
  if (refused != nullptr) {
    snprintf(message, size, "%s: %s", launch->name, refused);
    return launch->shared_bytes > CXG_MAX_SHARED ? CXG_OUT_OF_RESOURCES : CXG_INVALID_VALUE;
  }
  for (int i = 0; i < CXG_MAX_THREADS; i++) cxg_threads[i].index = i;
  cxg_current_launch = launch;
  failure = CXG_OK;
  random_state = 0x9e3779b97f4a7c15ull ^ launch->seed;
  gridDim = {launch->grid[0], launch->grid[1], launch->grid[2]};
  blockDim = {launch->block[0], launch->block[1], launch->block[2]};
  cxg_check_launch_begins();
  cxg_catch_faults();
  run_blocks(blocks);
  cxg_release_faults();
  cxg_now = nullptr;
  cxg_current_launch = nullptr;
  if (failure == CXG_OK) return CXG_OK;
  reset_fibers();
  snprintf(message, size, "%s", failure_text);
  return failure;
}
