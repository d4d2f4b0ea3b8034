#include "cxg_shim_fiber.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

namespace {

/** Kernels keep little on their stacks; pages that are never touched cost nothing. */
constexpr size_t STACK_BYTES = 256 << 10;
/** A frame that is larger steps over it. */
size_t guard_bytes() { return size_t(64) << 10; }

}  // namespace

#if defined(__x86_64__)
/* System V ABI: rbx, rbp and r12 to r15 belong to the caller; the return address is on the stack. */
extern "C" void cxg_switch_stack(void **save, void *load);
asm(R"(
.text
.type cxg_switch_stack, @function
.hidden cxg_switch_stack
.globl cxg_switch_stack
cxg_switch_stack:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size cxg_switch_stack, .-cxg_switch_stack
)");
#elif defined(__aarch64__)
/* AAPCS64: x19 to x30 and d8 to d15 belong to the caller. */
extern "C" void cxg_switch_stack(void **save, void *load);
asm(R"(
.text
.type cxg_switch_stack, %function
.hidden cxg_switch_stack
.globl cxg_switch_stack
cxg_switch_stack:
  sub sp, sp, #160
  stp x19, x20, [sp, #0]
  stp x21, x22, [sp, #16]
  stp x23, x24, [sp, #32]
  stp x25, x26, [sp, #48]
  stp x27, x28, [sp, #64]
  stp x29, x30, [sp, #80]
  stp d8, d9, [sp, #96]
  stp d10, d11, [sp, #112]
  stp d12, d13, [sp, #128]
  stp d14, d15, [sp, #144]
  mov x9, sp
  str x9, [x0]
  mov sp, x1
  ldp x19, x20, [sp, #0]
  ldp x21, x22, [sp, #16]
  ldp x23, x24, [sp, #32]
  ldp x25, x26, [sp, #48]
  ldp x27, x28, [sp, #64]
  ldp x29, x30, [sp, #80]
  ldp d8, d9, [sp, #96]
  ldp d10, d11, [sp, #112]
  ldp d12, d13, [sp, #128]
  ldp d14, d15, [sp, #144]
  add sp, sp, #160
  ret
.size cxg_switch_stack, .-cxg_switch_stack
)");
#endif

void cxg_fiber_reset(cxg_fiber *fiber, void (*entry)()) {
  uint8_t *top = static_cast<uint8_t *>(fiber->stack) + guard_bytes() + STACK_BYTES;
#if defined(__x86_64__)
  /* On entry a function finds rsp + 8 a multiple of 16: its return address, here 0, is on top. */
  void **sp = reinterpret_cast<void **>(top) - 1;
  *sp = nullptr;
  *--sp = reinterpret_cast<void *>(entry);
  for (int i = 0; i < 6; i++) *--sp = nullptr;
  fiber->sp = sp;
#elif defined(__aarch64__)
  void **sp = reinterpret_cast<void **>(top - 160);
  for (int i = 0; i < 20; i++) sp[i] = nullptr;
  sp[11] = reinterpret_cast<void *>(entry);
  fiber->sp = sp;
#else
  getcontext(&fiber->context);
  fiber->context.uc_stack.ss_sp = static_cast<uint8_t *>(fiber->stack) + guard_bytes();
  fiber->context.uc_stack.ss_size = STACK_BYTES;
  fiber->context.uc_link = nullptr;
  makecontext(&fiber->context, entry, 0);
  (void)top;
#endif
}

cxg_fiber *cxg_fiber_new(void (*entry)()) {
  cxg_fiber *fiber = static_cast<cxg_fiber *>(calloc(1, sizeof(cxg_fiber)));
  if (fiber == nullptr) return nullptr;
  const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  fiber->stack = mmap(nullptr, guard_bytes() + STACK_BYTES, PROT_READ | PROT_WRITE, flags, -1, 0);
  if (fiber->stack == MAP_FAILED || mprotect(fiber->stack, guard_bytes(), PROT_NONE) != 0) {
    if (fiber->stack != MAP_FAILED) munmap(fiber->stack, guard_bytes() + STACK_BYTES);
    free(fiber);
    return nullptr;
  }
  cxg_fiber_reset(fiber, entry);
  return fiber;
}

void cxg_fiber_free(cxg_fiber *fiber) {
  munmap(fiber->stack, guard_bytes() + STACK_BYTES);
  free(fiber);
}

void cxg_fiber_switch(cxg_fiber *from, cxg_fiber *to) {
#if defined(__x86_64__) || defined(__aarch64__)
  cxg_switch_stack(&from->sp, to->sp);
#else
  swapcontext(&from->context, &to->context);
#endif
}

bool cxg_fiber_overflows(const cxg_fiber *fiber, const void *address) {
  const uint8_t *p = static_cast<const uint8_t *>(address), *stack = static_cast<const uint8_t *>(fiber->stack);
  return p >= stack && p < stack + guard_bytes();
}

bool cxg_fiber_owns(const cxg_fiber *fiber, const void *address) {
  const uint8_t *p = static_cast<const uint8_t *>(address), *stack = static_cast<const uint8_t *>(fiber->stack);
  return p >= stack && p < stack + guard_bytes() + STACK_BYTES;
}
