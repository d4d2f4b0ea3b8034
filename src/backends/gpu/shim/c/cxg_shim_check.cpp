/*
 * Checks of every access to memory, for modules compiled with -fsanitize=thread: the compiler then calls these functions, which
 * elsewhere are those of ThreadSanitizer, before each load and store. Found are races, whatever the order of threads was that ran:
 * two threads of which one writes access a byte, and no barrier lies between (in a block), or they are of different blocks; and
 * shared memory past its end to the byte. Atomic instructions are not looked at.
 *
 * Time is a counter that barriers advance. An access is before another when it was made before the last barrier of the block, or
 * before the last syncwarp of a warp that both belong to. Barriers of a part of a block count for all of it: what only they order
 * wrongly is not found.
 */
#include <memory>
#include <unordered_map>

#include "cxg_shim_state.h"

namespace {

constexpr uint32_t NOBODY = 0xffffffffu, SEVERAL = 0xfffffffeu;
constexpr int PAGE_BITS = 12;

struct access {
  uint32_t thread;
  uint32_t time;
};
/** The last write and the last read of a byte. */
struct history {
  access write, read;
};
struct page {
  history bytes[1 << PAGE_BITS];
};

bool checking;
uint32_t now_time = 1, launch_began, block_synced, warp_synced[CXG_MAX_WARPS], block_number;
std::unordered_map<uintptr_t, std::unique_ptr<page>> pages;
uintptr_t last_number = ~uintptr_t(0);
page *last_page;

history &history_of(uintptr_t address) {
  const uintptr_t number = address >> PAGE_BITS;
  if (number != last_number) {
    std::unique_ptr<page> &p = pages[number];
    if (p == nullptr) {
      p.reset(new page);
      for (history &h : p->bytes) h = {{NOBODY, 0}, {NOBODY, 0}};
    }
    last_number = number;
    last_page = p.get();
  }
  return last_page->bytes[address & ((1 << PAGE_BITS) - 1)];
}

bool is_before(const access &a, uint32_t self) {
  if (a.thread == NOBODY || a.thread == self || a.time < launch_began) return true;
  if (a.thread == SEVERAL) return a.time < block_synced;
  if (a.thread / CXG_MAX_THREADS != self / CXG_MAX_THREADS) return false;
  const uint32_t warp = self % CXG_MAX_THREADS / CXG_WARP;
  return a.time < block_synced || (a.thread % CXG_MAX_THREADS / CXG_WARP == warp && a.time < warp_synced[warp]);
}

[[noreturn]] void fail_race(const uint8_t *p, bool writes, const access &other, bool other_wrote) {
  char place[200], who[60] = "several threads";
  cxg_describe_place(p, place, sizeof place);
  if (other.thread != SEVERAL && other.thread / CXG_MAX_THREADS == block_number) snprintf(who, sizeof who, "thread %u", other.thread % CXG_MAX_THREADS);
  else if (other.thread != SEVERAL)
    snprintf(who, sizeof who, "block %u, thread %u", other.thread / CXG_MAX_THREADS, other.thread % CXG_MAX_THREADS);
  cxg_shim_fail(CXG_LAUNCH_FAILED, "race: %s %s, which %s %s, and nothing orders the two", writes ? "writes" : "reads", place, who,
                other_wrote ? "wrote" : "read");
}

void look(const uint8_t *p, bool writes, uint32_t self) {
  history &h = history_of(reinterpret_cast<uintptr_t>(p));
  if (!is_before(h.write, self)) fail_race(p, writes, h.write, true);
  if (writes) {
    if (!is_before(h.read, self)) fail_race(p, writes, h.read, false);
    h.write = {self, now_time};
    return;
  }
  const bool alone = is_before(h.read, self);
  h.read = {alone ? self : SEVERAL, now_time};
}

}  // namespace

void cxg_check_access(const void *address, size_t size, bool writes) {
  if (!checking || cxg_now == nullptr || size == 0) return;
  const uint8_t *p = static_cast<const uint8_t *>(address);
  if (cxg_fiber_owns(cxg_now->fiber, p)) return;
  const int64_t at = p - cxg_shim_shared();
  if (cxg_shared_mapped(p) && (at < 0 || at + int64_t(size) > int64_t(cxg_shared_bytes())))
    cxg_shim_fail(CXG_ILLEGAL_ADDRESS, "%s bytes %lld to %lld of %u bytes of shared memory", writes ? "writes" : "reads", (long long)at,
                  (long long)at + (long long)size - 1, cxg_shared_bytes());
  const uint32_t self = block_number * CXG_MAX_THREADS + uint32_t(cxg_now->index);
  for (size_t i = 0; i < size; i++) look(p + i, writes, self);
}

void cxg_check_launch_begins() { launch_began = ++now_time; }
void cxg_check_block_begins() {
  const uint32_t line = blockIdx.z * gridDim.y + blockIdx.y;
  block_number = (line * gridDim.x + blockIdx.x) & 0x3fffff;
  block_synced = ++now_time;
  /* shared memory is another's in every block */
  if (checking && cxg_shared_bytes() > 0)
    for (uint32_t i = 0; i < cxg_shared_bytes(); i++) history_of(reinterpret_cast<uintptr_t>(cxg_shim_shared() + i)) = {{NOBODY, 0}, {NOBODY, 0}};
}
void cxg_check_barrier() { block_synced = ++now_time; }
void cxg_check_warp_barrier(int warp) { warp_synced[warp] = ++now_time; }

/* What the compiler calls. */

#define CXG_TSAN extern "C" CXG_HIDDEN void
CXG_TSAN __tsan_init() { checking = true; }
CXG_TSAN __tsan_func_entry(void *) {}
CXG_TSAN __tsan_func_exit() {}
CXG_TSAN __tsan_read_range(void *p, long size) { cxg_check_access(p, size_t(size), false); }
CXG_TSAN __tsan_write_range(void *p, long size) { cxg_check_access(p, size_t(size), true); }
#define CXG_TSAN_SIZE(n)                                                                \
  CXG_TSAN __tsan_read##n(void *p) { cxg_check_access(p, n, false); }                   \
  CXG_TSAN __tsan_write##n(void *p) { cxg_check_access(p, n, true); }                   \
  CXG_TSAN __tsan_unaligned_read##n(void *p) { cxg_check_access(p, n, false); }         \
  CXG_TSAN __tsan_unaligned_write##n(void *p) { cxg_check_access(p, n, true); }         \
  CXG_TSAN __tsan_volatile_read##n(void *p) { cxg_check_access(p, n, false); }          \
  CXG_TSAN __tsan_volatile_write##n(void *p) { cxg_check_access(p, n, true); }
CXG_TSAN_SIZE(1)
CXG_TSAN_SIZE(2)
CXG_TSAN_SIZE(4)
CXG_TSAN_SIZE(8)
CXG_TSAN_SIZE(16)
