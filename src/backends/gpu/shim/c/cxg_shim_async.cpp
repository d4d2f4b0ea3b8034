/*
 * Instructions that happen later: cp.async and wgmma. With CXG_TIMING_LATE they read and write memory only when something
 * waits for them, so that whoever does not wait sees poison; with CXG_TIMING_EARLY at once, so that whoever still reads what
 * they overwrite sees that. wgmma reads a copy of shared memory, its view, which gets what threads wrote only by their
 * fence.proxy.async and a barrier (PTX ISA 8.5, 8.6 and 9.7.15.7).
 */
#include <vector>

#include "cxg_shim_state.h"

/* cp.async */

namespace {

/** Shared memory as wgmma sees it; written with another poison, so that a view never passes for memory by chance. */
uint8_t view[CXG_MAX_SHARED];
constexpr uint8_t VIEW_POISON = 0xa6;
/** Whether the launch uses fence.proxy.async at all. */
const cxg_launch *fenced_launch;

void land(cxg_thread *thread, const cxg_copy &c) {
  cxg_check_access(c.to, size_t(c.size), true);
  memcpy(c.to, c.from, size_t(c.bytes));
  memset(c.to + c.bytes, 0, size_t(c.size - c.bytes));
  thread->fenced = false;
  thread->landed.push_back(c);
}

void publish(const uint8_t *from, size_t bytes) { memcpy(view + (from - cxg_shim_shared()), from, bytes); }

}  // namespace

void cxg_async_thread_begins(cxg_thread *thread) {
  thread->copies.clear();
  thread->groups.clear();
  thread->landed.clear();
  thread->fenced_copies = 0;
  thread->fenced = false;
}

void cxg_shim_copy(void *to, const void *from, int size, int bytes) {
  uint8_t *place = cxg_shared_place("cp.async", to, size);
  if (reinterpret_cast<uintptr_t>(from) % uintptr_t(size) != 0)
    cxg_shim_fail(CXG_MISALIGNED_ADDRESS, "cp.async of %d bytes from an address that is no multiple", size);
  if (bytes < 0 || bytes > size) cxg_shim_fail(CXG_LAUNCH_FAILED, "cp.async of %d of %d bytes", bytes, size);
  const cxg_copy copy = {place, static_cast<const uint8_t *>(from), size, bytes};
  if (cxg_current_launch->timing == CXG_TIMING_EARLY) land(cxg_now, copy);
  else cxg_now->copies.push_back(copy);
  /* it may write from now on until it is awaited */
  cxg_check_access(place, size_t(size), true);
  cxg_check_access(from, size_t(bytes), false);
}

void cxg_shim_copy_commit() { cxg_now->groups.push_back(cxg_now->copies.size()); }

void cxg_shim_copy_wait(int groups) {
  cxg_thread &t = *cxg_now;
  if (groups < 0) cxg_shim_fail(CXG_LAUNCH_FAILED, "cp.async.wait_group %d", groups);
  if (t.groups.size() <= size_t(groups)) return;
  const size_t whole = t.groups.size() - size_t(groups), count = t.groups[whole - 1];
  for (size_t i = 0; i < count; i++) land(&t, t.copies[i]);
  t.copies.erase(t.copies.begin(), t.copies.begin() + ptrdiff_t(count));
  t.groups.erase(t.groups.begin(), t.groups.begin() + ptrdiff_t(whole));
  for (size_t &g : t.groups) g -= count;
}

void cxg_shim_fence_proxy() {
  cxg_thread &t = *cxg_now;
  fenced_launch = cxg_current_launch;
  t.fenced_copies = t.landed.size();
  t.fenced = true;
}

/*
 * What a thread's copies wrote before its fence is seen from here on. What plain stores wrote is not known by place: it is
 * published as a whole when every thread of the barrier fenced before it.
 */
void cxg_async_barrier(const uint32_t *waiting) {
  const bool used = fenced_launch == cxg_current_launch;
  bool all = used;
  for (int i = 0; i < cxg_block.threads; i++) {
    if ((waiting[i / CXG_WARP] >> i % CXG_WARP & 1) == 0) continue;
    cxg_thread &t = cxg_threads[i];
    all = all && t.fenced;
    t.fenced = false;
    for (size_t n = 0; n < t.fenced_copies; n++) publish(t.landed[n].to, size_t(t.landed[n].size));
    t.landed.erase(t.landed.begin(), t.landed.begin() + ptrdiff_t(used ? t.fenced_copies : t.landed.size()));
    t.fenced_copies = 0;
  }
  if (all) publish(cxg_shim_shared(), cxg_shared_bytes());
}

/* wgmma */

namespace {

/** Of one wgmma. The registers of thread i are at d[i], N / 2 of them. */
struct product {
  uint64_t a, b;
  int columns;
  int *d[CXG_GROUP];
  /** What they held, when no earlier product that is under way writes them. */
  std::vector<int> sums[CXG_GROUP];
};

struct group_state {
  bool fenced;
  std::vector<product> pending;
  /** How many products there were at each commit. */
  std::vector<size_t> commits;
};

group_state groups[CXG_MAX_THREADS / CXG_GROUP];
group_state &group_of(cxg_thread *threads) { return groups[threads->index / CXG_GROUP]; }

constexpr int POISONED_SUM = int(0xdeadbeefu);

/** Where byte k of row r of an operand lies in the shared window: see cxg_wgmma_descriptor. */
uint32_t operand_address(uint64_t descriptor, int row, int k) {
  const uint32_t start = uint32_t(descriptor & 0x3fff) << 4, leading = uint32_t(descriptor >> 16 & 0x3fff) << 4;
  const uint32_t stride = uint32_t(descriptor >> 32 & 0x3fff) << 4, swizzle = uint32_t(descriptor >> 62);
  const uint32_t in_8 = uint32_t(row) % 8, at = start + uint32_t(row) / 8 * stride;
  switch (swizzle) {
    case CXG_SWIZZLE_NONE: return at + uint32_t(k) / 16 * leading + in_8 * 16 + uint32_t(k) % 16;
    case CXG_SWIZZLE_128: {
      const uint32_t p = at + in_8 * 128 + uint32_t(k);
      return p ^ (p >> 3 & 0x70);
    }
    case CXG_SWIZZLE_64: {
      const uint32_t p = at + in_8 * 64 + uint32_t(k);
      return p ^ (p >> 3 & 0x30);
    }
    default: {
      const uint32_t p = at + in_8 * 32 + uint32_t(k);
      return p ^ (p >> 3 & 0x10);
    }
  }
}

/** Rows of 32 bytes, widened. 16 bytes from a multiple of 16 on are neighbours in every layout. */
void read_operand(uint64_t descriptor, int rows, int16_t (*to)[32]) {
  for (int row = 0; row < rows; row++)
    for (int half = 0; half < 32; half += 16) {
      const uint8_t *place = cxg_shared_window("wgmma", operand_address(descriptor, row, half), 16);
      cxg_check_access(place, 16, false);
      const uint8_t *bytes = view + (place - cxg_shim_shared());
      for (int i = 0; i < 16; i++) to[row][half + i] = int8_t(bytes[i]);
    }
}

/** d[64][N] += a[64][32] b[32][N]; thread t holds row 16 (t / 32) + t % 32 / 4 + 8 (i / 2 % 2), column 8 (i / 4) + 2 (t % 4) + i % 2. */
void multiply(product &p) {
  int16_t a[64][32], b[256][32];
  read_operand(p.a, 64, a);
  read_operand(p.b, p.columns, b);
  static int products[64][256];
  for (int row = 0; row < 64; row++)
    for (int column = 0; column < p.columns; column++) {
      int sum = 0;
      for (int k = 0; k < 32; k++) sum += a[row][k] * b[column][k];
      products[row][column] = sum;
    }
  for (int t = 0; t < CXG_GROUP; t++)
    for (int i = 0; i < p.columns / 2; i++) {
      const int row = t / 32 * 16 + t % 32 / 4 + i / 2 % 2 * 8, column = i / 4 * 8 + t % 4 * 2 + i % 2;
      p.d[t][i] = int(uint32_t(p.sums[t][size_t(i)]) + uint32_t(products[row][column]));
    }
}

/** Does the oldest `count` products. */
void complete(group_state &g, size_t count) {
  for (size_t n = 0; n < count; n++) {
    product &p = g.pending[n];
    multiply(p);
    for (size_t later = n + 1; later < g.pending.size(); later++) {
      product &next = g.pending[later];
      if (next.d[0] != p.d[0]) continue;
      /* registers of products that are under way hold nothing that may be read */
      for (int t = 0; t < CXG_GROUP; t++)
        for (int i = 0; i < p.columns / 2; i++) {
          if (next.sums[t].size() <= size_t(i)) next.sums[t].push_back(0);
          next.sums[t][size_t(i)] = p.d[t][i];
          p.d[t][i] = POISONED_SUM;
        }
      break;
    }
  }
  g.pending.erase(g.pending.begin(), g.pending.begin() + ptrdiff_t(count));
  for (size_t &c : g.commits) c -= c < count ? c : count;
}

struct wgmma_arguments {
  int *d;
  uint64_t a, b;
  int columns;
};

void run_wgmma(cxg_thread *threads, int count) {
  group_state &g = group_of(threads);
  if (!g.fenced) cxg_shim_fail(CXG_LAUNCH_FAILED, "wgmma without wgmma.fence since its registers could be used");
  const wgmma_arguments &first = *static_cast<wgmma_arguments *>(threads[0].arguments);
  product p;
  p.a = first.a;
  p.b = first.b;
  p.columns = first.columns;
  bool under_way = false;
  for (const product &earlier : g.pending) under_way = under_way || earlier.d[0] == first.d;
  for (int t = 0; t < count; t++) {
    const wgmma_arguments &w = *static_cast<wgmma_arguments *>(threads[t].arguments);
    if (w.a != p.a || w.b != p.b) cxg_shim_fail(CXG_LAUNCH_FAILED, "wgmma with descriptors that differ between threads 0 and %d", t);
    p.d[t] = w.d;
    if (under_way) continue;
    p.sums[t].assign(w.d, w.d + p.columns / 2);
    for (int i = 0; i < p.columns / 2; i++) w.d[i] = POISONED_SUM;
  }
  g.pending.push_back(p);
  if (cxg_current_launch->timing == CXG_TIMING_EARLY) complete(g, g.pending.size());
}
const cxg_operation WGMMA = {"wgmma", run_wgmma};

void run_fence(cxg_thread *threads, int) { group_of(threads).fenced = true; }
const cxg_operation FENCE = {"wgmma.fence", run_fence};

void run_commit(cxg_thread *threads, int) {
  group_state &g = group_of(threads);
  g.commits.push_back(g.pending.size());
}
const cxg_operation COMMIT = {"wgmma.commit_group", run_commit};

void run_wait(cxg_thread *threads, int) {
  group_state &g = group_of(threads);
  const size_t left = size_t(*static_cast<int *>(threads[0].arguments));
  g.fenced = false;
  if (g.commits.size() <= left) return;
  const size_t whole = g.commits.size() - left, count = g.commits[whole - 1];
  g.commits.erase(g.commits.begin(), g.commits.begin() + ptrdiff_t(whole));
  complete(g, count);
}
const cxg_operation WAIT = {"wgmma.wait_group", run_wait};

}  // namespace

void cxg_async_block_begins() {
  for (group_state &g : groups) {
    g.fenced = false;
    g.pending.clear();
    g.commits.clear();
  }
  if (fenced_launch != nullptr) memset(view, VIEW_POISON, cxg_shared_bytes());
}

void cxg_shim_wgmma_fence() { cxg_meet(CXG_GROUP, &FENCE, 0, nullptr); }

void cxg_shim_wgmma(int *d, uint64_t a, uint64_t b, int columns) {
  wgmma_arguments w = {d, a, b, columns};
  cxg_meet(CXG_GROUP, &WGMMA, columns, &w);
}

void cxg_shim_wgmma_commit() { cxg_meet(CXG_GROUP, &COMMIT, 0, nullptr); }

void cxg_shim_wgmma_wait(int left) { cxg_meet(CXG_GROUP, &WAIT, left, &left); }
