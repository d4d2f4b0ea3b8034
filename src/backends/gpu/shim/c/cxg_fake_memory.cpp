/* Memory of the fake driver: allocations that end where a page begins that nobody may touch. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <map>

#include "cxg_fake.h"

namespace {

constexpr size_t ALIGNMENT = 256;
constexpr uint8_t FRESH = 0xcd, PAST_THE_END = 0xb7;

struct allocation {
  uint8_t *mapping;
  size_t mapped, size, slack;
};

std::map<uint64_t, allocation> device_memory, pinned_memory;
uint64_t used, allocations;

size_t rounded(size_t n, size_t to) { return (n + to - 1) / to * to; }

/** [guard][rubbish ... block][slack up to 255 bytes][guard]; null when the system has no memory. */
uint8_t *map_block(size_t size, allocation *a) {
  const size_t page = size_t(sysconf(_SC_PAGESIZE)), block = rounded(size, ALIGNMENT), inside = rounded(block, page);
  void *p = mmap(nullptr, inside + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p == MAP_FAILED) return nullptr;
  *a = {static_cast<uint8_t *>(p), inside + 2 * page, size, block - size};
  if (mprotect(a->mapping + page, inside, PROT_READ | PROT_WRITE) != 0) {
    munmap(p, a->mapped);
    return nullptr;
  }
  uint8_t *start = a->mapping + page + inside - block;
  memset(start, FRESH, size);
  memset(start + size, PAST_THE_END, a->slack);
  return start;
}

bool overrun(uint64_t start, const allocation &a) {
  const uint8_t *end = reinterpret_cast<const uint8_t *>(start) + a.size;
  for (size_t i = 0; i < a.slack; i++)
    if (end[i] != PAST_THE_END) return true;
  return false;
}

bool in_range(const std::map<uint64_t, allocation> &all, uint64_t p, size_t size) {
  auto next = all.upper_bound(p);
  if (next == all.begin()) return false;
  const auto &[start, a] = *--next;
  return p - start <= a.size && size <= a.size - (p - start);
}

uint64_t address(const void *p) { return uint64_t(reinterpret_cast<uintptr_t>(p)); }
void *pointer(CUdeviceptr p) { return reinterpret_cast<void *>(uintptr_t(p)); }

}  // namespace

bool fake_device_range(CUdeviceptr p, size_t size) { return in_range(device_memory, p, size); }
bool fake_pinned_range(const void *p, size_t size) { return in_range(pinned_memory, address(p), size); }

size_t fake_device_rest(const void *p) {
  auto next = device_memory.upper_bound(address(p));
  if (next == device_memory.begin()) return 0;
  const auto &[start, a] = *--next;
  return address(p) - start < a.size ? a.size - (address(p) - start) : 0;
}

bool fake_forget_memory() {
  bool past = false;
  for (auto *all : {&device_memory, &pinned_memory}) {
    for (auto &[start, a] : *all) {
      past = past || overrun(start, a);
      munmap(a.mapping, a.mapped);
    }
    all->clear();
  }
  used = allocations = 0;
  return past;
}

FAKE_API CUresult cuMemAlloc_v2(CUdeviceptr *p, size_t size) {
  FAKE_ENTER();
  if (size == 0) return INVALID_VALUE;
  allocations++;
  const bool refused = fake.oom_at != 0 && allocations >= fake.oom_at && allocations < fake.oom_at + 5;
  if (refused || size > fake.memory || used > fake.memory - size) return OUT_OF_MEMORY;
  allocation a;
  uint8_t *start = map_block(size, &a);
  if (start == nullptr) return OUT_OF_MEMORY;
  used += size;
  device_memory[address(start)] = a;
  *p = address(start);
  return SUCCESS;
}
FAKE_API CUresult cuMemFree_v2(CUdeviceptr p) {
  FAKE_ENTER();
  if (p == 0) return SUCCESS;
  if (const CUresult result = fake_drain(nullptr); result != SUCCESS) return result;
  const auto found = device_memory.find(p);
  if (found == device_memory.end()) return INVALID_VALUE;
  const bool past = overrun(p, found->second);
  used -= found->second.size;
  munmap(found->second.mapping, found->second.mapped);
  device_memory.erase(found);
  if (!past) return SUCCESS;
  fake_message = "a kernel wrote past the end of an allocation";
  return fake_sticky = ILLEGAL_ADDRESS;
}
FAKE_API CUresult cuMemGetInfo_v2(size_t *free_bytes, size_t *total) {
  FAKE_ENTER();
  *free_bytes = fake.memory - used;
  *total = fake.memory;
  return SUCCESS;
}
FAKE_API CUresult cuMemHostAlloc(void **p, size_t size, unsigned) {
  FAKE_ENTER();
  if (size == 0) return INVALID_VALUE;
  allocation a;
  uint8_t *start = map_block(size, &a);
  if (start == nullptr) return OUT_OF_MEMORY;
  pinned_memory[address(start)] = a;
  *p = start;
  return SUCCESS;
}
FAKE_API CUresult cuMemAllocHost_v2(void **p, size_t size) { return cuMemHostAlloc(p, size, 0); }
FAKE_API CUresult cuMemFreeHost(void *p) {
  FAKE_ENTER();
  if (const CUresult result = fake_drain(nullptr); result != SUCCESS) return result;
  const auto found = pinned_memory.find(address(p));
  if (found == pinned_memory.end()) return INVALID_VALUE;
  munmap(found->second.mapping, found->second.mapped);
  pinned_memory.erase(found);
  return SUCCESS;
}

/* Copies. What a stream is given late is checked when it is given. */

FAKE_API CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr to, const void *from, size_t size, fake_stream *stream) {
  FAKE_ENTER();
  if (!fake_device_range(to, size)) return INVALID_VALUE;
  if (fake_pinned_range(from, size))
    return fake_submit(stream, [=] { return memcpy(pointer(to), from, size), SUCCESS; });
  const auto bytes = std::make_shared<std::string>(static_cast<const char *>(from), size);
  return fake_submit(stream, [=] { return memcpy(pointer(to), bytes->data(), size), SUCCESS; });
}
FAKE_API CUresult cuMemcpyDtoHAsync_v2(void *to, CUdeviceptr from, size_t size, fake_stream *stream) {
  FAKE_ENTER();
  if (!fake_device_range(from, size)) return INVALID_VALUE;
  /* until it is done nobody may rely on what was there */
  if (stream == nullptr || stream->capture == nullptr) memset(to, FRESH, size);
  return fake_submit(stream, [=] { return memcpy(to, pointer(from), size), SUCCESS; });
}
FAKE_API CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr to, CUdeviceptr from, size_t size, fake_stream *stream) {
  FAKE_ENTER();
  if (!fake_device_range(to, size) || !fake_device_range(from, size)) return INVALID_VALUE;
  return fake_submit(stream, [=] { return memmove(pointer(to), pointer(from), size), SUCCESS; });
}
FAKE_API CUresult cuMemsetD8Async(CUdeviceptr to, uint8_t value, size_t size, fake_stream *stream) {
  FAKE_ENTER();
  if (!fake_device_range(to, size)) return INVALID_VALUE;
  return fake_submit(stream, [=] { return memset(pointer(to), value, size), SUCCESS; });
}
FAKE_API CUresult cuMemsetD32Async(CUdeviceptr to, uint32_t value, size_t count, fake_stream *stream) {
  FAKE_ENTER();
  if (to % 4 != 0 || count > fake.memory || !fake_device_range(to, 4 * count)) return INVALID_VALUE;
  return fake_submit(stream, [=] {
    for (size_t i = 0; i < count; i++) memcpy(static_cast<uint8_t *>(pointer(to)) + 4 * i, &value, 4);
    return SUCCESS;
  });
}

/** The calls that return when all is done. */
static CUresult now(CUresult submitted) { return submitted == SUCCESS ? fake_drain(nullptr) : submitted; }
FAKE_API CUresult cuMemcpyHtoD_v2(CUdeviceptr to, const void *from, size_t size) { return now(cuMemcpyHtoDAsync_v2(to, from, size, nullptr)); }
FAKE_API CUresult cuMemcpyDtoH_v2(void *to, CUdeviceptr from, size_t size) { return now(cuMemcpyDtoHAsync_v2(to, from, size, nullptr)); }
FAKE_API CUresult cuMemcpyDtoD_v2(CUdeviceptr to, CUdeviceptr from, size_t size) { return now(cuMemcpyDtoDAsync_v2(to, from, size, nullptr)); }
FAKE_API CUresult cuMemsetD8_v2(CUdeviceptr to, uint8_t value, size_t size) { return now(cuMemsetD8Async(to, value, size, nullptr)); }
FAKE_API CUresult cuMemsetD32_v2(CUdeviceptr to, uint32_t value, size_t count) { return now(cuMemsetD32Async(to, value, count, nullptr)); }
