/*
 * Shared memory of the block that runs, between pages that nobody may touch, and faults: an access that the system refuses
 * becomes a failure of the launch that names kernel, block and thread.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cxg_shim_state.h"

namespace {

constexpr size_t WINDOW_BYTES = (CXG_MAX_SHARED + 0xffff) & ~size_t(0xffff), GUARD_BYTES = 1 << 16;
constexpr uint32_t ALIGNMENT = 1024;

uint8_t *mapping;
uint8_t *base;
uint32_t bytes;

uint32_t rounded(uint32_t n) { return (n + ALIGNMENT - 1) & ~(ALIGNMENT - 1); }

}  // namespace

bool cxg_shared_allocate() {
  if (mapping != nullptr) return true;
  const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  void *p = mmap(nullptr, WINDOW_BYTES + 2 * GUARD_BYTES, PROT_NONE, flags, -1, 0);
  if (p == MAP_FAILED) return false;
  mapping = static_cast<uint8_t *>(p);
  base = mapping + GUARD_BYTES + WINDOW_BYTES;
  return mprotect(mapping + GUARD_BYTES, WINDOW_BYTES, PROT_READ | PROT_WRITE) == 0;
}

void cxg_shared_release() {
  if (mapping != nullptr) munmap(mapping, WINDOW_BYTES + 2 * GUARD_BYTES);
  mapping = nullptr;
}

void cxg_shared_begin(uint32_t size) {
  bytes = size;
  base = mapping + GUARD_BYTES + WINDOW_BYTES - rounded(size);
  memset(base, CXG_POISON, rounded(size));
}

int64_t cxg_shared_overrun() {
  for (uint32_t i = bytes; i < rounded(bytes); i++)
    if (base[i] != CXG_POISON) return i;
  return -1;
}

uint32_t cxg_shared_bytes() { return bytes; }
bool cxg_shared_mapped(const uint8_t *p) { return p >= mapping && p < mapping + WINDOW_BYTES + 2 * GUARD_BYTES; }
uint8_t *cxg_shim_shared() { return base; }

uint32_t cxg_shim_shared_address(const void *p) {
  const ptrdiff_t at = static_cast<const uint8_t *>(p) - base;
  if (at < -int64_t(CXG_MAX_SHARED) || at > int64_t(CXG_MAX_SHARED))
    cxg_shim_fail(CXG_ILLEGAL_ADDRESS, "an address that is not in shared memory is used as one");
  return CXG_SHARED_START + uint32_t(at);
}

uint8_t *cxg_shared_window(const char *what, uint32_t address, int size) {
  const int64_t at = int64_t(int32_t(address - CXG_SHARED_START));
  if (at < 0 || at + size > int64_t(bytes))
    cxg_shim_fail(CXG_ILLEGAL_ADDRESS, "%s of bytes %lld to %lld of %u bytes of shared memory", what, (long long)at, (long long)at + size - 1,
                  bytes);
  return base + at;
}

uint8_t *cxg_shared_place(const char *what, const void *p, int size) {
  const uint32_t address = cxg_shim_shared_address(p);
  if (address % uint32_t(size) != 0)
    cxg_shim_fail(CXG_MISALIGNED_ADDRESS, "%s of %d bytes at byte %d of shared memory, which is no multiple", what, size,
                  int(address - CXG_SHARED_START));
  return cxg_shared_window(what, address, size);
}

static void check_atomic(const void *p) {
  if (reinterpret_cast<uintptr_t>(p) % 4 != 0) cxg_shim_fail(CXG_MISALIGNED_ADDRESS, "an atomic instruction at an address that is no multiple of 4");
}

int cxg_shim_atomic(int *p, int v, char operation) {
  check_atomic(p);
  const int old = *p;
  switch (operation) {
    case '+': *p = int(uint32_t(old) + uint32_t(v)); break;
    case '<': *p = v < old ? v : old; break;
    case '>': *p = v > old ? v : old; break;
    default: break;
  }
  return old;
}

void cxg_describe_place(const void *address, char *text, size_t size) {
  const uint8_t *p = static_cast<const uint8_t *>(address);
  if (cxg_shared_mapped(p))
    snprintf(text, size, "byte %lld of %u bytes of shared memory", (long long)(p - base), bytes);
  else if (cxg_now != nullptr && cxg_now->fiber != nullptr && cxg_fiber_overflows(cxg_now->fiber, p))
    snprintf(text, size, "its stack, which is full");
  else
    snprintf(text, size, "global memory at m %+lld, params %+lld", (long long)(p - cxg_current_launch->env.m),
             (long long)(p - cxg_current_launch->env.params));
}

/* Faults. */

namespace {

constexpr int SIGNALS[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};
constexpr size_t ALTERNATE_BYTES = 1 << 16;
struct sigaction before[sizeof SIGNALS / sizeof SIGNALS[0]];
stack_t stack_before;
pthread_t launching;

void on_fault(int signal, siginfo_t *info, void *context) {
  if (cxg_current_launch == nullptr || !pthread_equal(pthread_self(), launching)) {
    /* Another thread's, for example of a WebAssembly engine that lets it happen: whoever was here before us. */
    for (size_t i = 0; i < sizeof SIGNALS / sizeof SIGNALS[0]; i++) {
      if (SIGNALS[i] != signal) continue;
      if (before[i].sa_flags & SA_SIGINFO) before[i].sa_sigaction(signal, info, context);
      else if (before[i].sa_handler != SIG_DFL && before[i].sa_handler != SIG_IGN) before[i].sa_handler(signal);
      else sigaction(signal, &before[i], nullptr);
    }
    return;
  }
  char place[200], text[300];
  if (signal == SIGSEGV || signal == SIGBUS) {
    cxg_describe_place(info->si_addr, place, sizeof place);
    snprintf(text, sizeof text, "reads or writes %s, where nothing is", place);
    cxg_abandon(CXG_ILLEGAL_ADDRESS, text);
  }
  cxg_abandon(CXG_LAUNCH_FAILED, signal == SIGFPE ? "divides by zero" : "does what C++ leaves undefined: a misaligned access or an overflow");
}

}  // namespace

void cxg_catch_faults() {
  static uint8_t alternate[ALTERNATE_BYTES];
  stack_t stack = {};
  stack.ss_sp = alternate;
  stack.ss_size = sizeof alternate;
  sigaltstack(&stack, &stack_before);
  launching = pthread_self();
  struct sigaction action = {};
  action.sa_sigaction = on_fault;
  /* The handler does not return to the fault, so signals must not stay blocked. */
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  sigemptyset(&action.sa_mask);
  for (size_t i = 0; i < sizeof SIGNALS / sizeof SIGNALS[0]; i++) sigaction(SIGNALS[i], &action, &before[i]);
}

void cxg_release_faults() {
  for (size_t i = 0; i < sizeof SIGNALS / sizeof SIGNALS[0]; i++) sigaction(SIGNALS[i], &before[i], nullptr);
  if (stack_before.ss_flags & SS_DISABLE) stack_before.ss_size = ALTERNATE_BYTES;
  sigaltstack(&stack_before, nullptr);
}
