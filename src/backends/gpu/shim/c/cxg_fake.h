/*
 * A driver library without a GPU: the entry points of libcuda and of libamdhip64 that a host uses, with kernels that the shim runs. It checks what
 * the driver checks, is asynchronous where the driver may be, and fails on request, so that all of a host can be tested.
 *
 * Streams are queues: work on them is done when something waits for it, one piece at each query. A module is a shared object
 * that was built with the shim, as bytes or as a path that starts with a slash. Of real devices it is modelled that:
 *   a context is current for a thread of the system, not for a process
 *   an error of a kernel stays until the primary context is reset, and makes every call fail
 *   copies to and from pinned memory read and write it when they are done, those of other memory read it at once
 *   the end of an allocation is guarded, fresh memory holds rubbish
 *
 * Environment, read by cuInit; cxg_fake_set(name, value) sets the same from within the process:
 *   CXG_FAKE_DEVICES      number of devices, 1; with 0 cuInit fails with CUDA_ERROR_NO_DEVICE
 *   CXG_FAKE_DRIVER       version of CUDA's driver, 13000
 *   CXG_FAKE_HIP          version of HIP, 60200000
 *   CXG_FAKE_CAPABILITY   compute capability, 90
 *   CXG_FAKE_ARCHITECTURE gcnArchName of HIP's devices, gfx90a:sramecc+:xnack-
 *   CXG_FAKE_MEMORY       bytes of a device, 8 GiB
 *   CXG_FAKE_OOM_AT=n     the n-th allocation of device memory fails, counted from 1, as do the next four of these
 *   CXG_FAKE_FAIL_AT=n    the n-th kernel fails with CUDA_ERROR_ILLEGAL_ADDRESS
 *   CXG_FAKE_HANG_AT=n    the n-th kernel never ends: queries say so, what waits for it waits for ever
 *   CXG_FAKE_CRASH_AT=n   the n-th kernel ends the process by SIGABRT, as HIP's library does after a fault of memory
 *   CXG_FAKE_CORRUPT_AT=n after the n-th kernel a bit of every 4 KiB of the arena that it was given is wrong
 *   CXG_FAKE_IMAGE_AT=n  the n-th load of a module fails with CUDA_ERROR_INVALID_IMAGE
 *   CXG_FAKE_ORDER, CXG_FAKE_TIMING, CXG_FAKE_SEED   as in cxg_shim_launch.h
 */
#ifndef CXG_FAKE_H
#define CXG_FAKE_H

#include <stddef.h>
#include <stdint.h>

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "cxg_shim_launch.h"

typedef int CUresult;
typedef uint64_t CUdeviceptr;

/** Values of CUresult that are given here, which those of hipError_t equal; HUNG stays inside. */
constexpr CUresult SUCCESS = 0, INVALID_VALUE = 1, OUT_OF_MEMORY = 2, NOT_INITIALIZED = 3, NO_DEVICE = 100, INVALID_DEVICE = 101,
                   INVALID_IMAGE = 200, INVALID_CONTEXT = 201, NO_BINARY_FOR_GPU = 209, INVALID_HANDLE = 400, NOT_FOUND = 500,
                   NOT_READY = 600, HUNG = -1, ILLEGAL_ADDRESS = 700, CAPTURE_UNSUPPORTED = 900, CAPTURE_INVALIDATED = 901;

#define FAKE_API extern "C" __attribute__((visibility("default")))

/** A piece of work of a stream. */
typedef std::function<CUresult()> fake_work;

struct fake_graph {
  std::deque<fake_work> work;
};

struct fake_stream {
  std::deque<fake_work> queue;
  /** What a capture collects; null when there is none. */
  std::unique_ptr<fake_graph> capture;
  bool capture_broken = false;
};

struct fake_event {
  fake_stream *recorded_on = nullptr;
  bool done = true;
  double ms = 0;
};

struct fake_settings {
  int devices, driver, hip, capability;
  std::string architecture;
  uint64_t memory;
  uint64_t oom_at, fail_at, hang_at, crash_at, corrupt_at, image_at;
  int order, timing;
  uint32_t seed;
};
extern fake_settings fake;

/** Guards every call; let go only by those that wait for a kernel that hangs. */
extern std::recursive_mutex fake_lock;
/** The error that stays, and what the shim said of it. */
extern CUresult fake_sticky;
extern std::string fake_message;
extern bool fake_initialized, fake_context_alive;

/** Null for an error: the checks that most calls begin with. */
CUresult fake_enter();
#define FAKE_ENTER()                                            \
  std::lock_guard<std::recursive_mutex> fake_guard(fake_lock);  \
  if (const CUresult entered = fake_enter(); entered != SUCCESS) return entered

/** Adds work to a stream, or to what it captures. Null is the default stream, which waits for all others. */
CUresult fake_submit(fake_stream *stream, fake_work work);
/** Does all work of a stream, or of all of them for null. */
CUresult fake_drain(fake_stream *stream);
void fake_forget_streams();
/** Waits for ever if a kernel hangs. */
void fake_wait_if_hung();
void fake_end_hang();

/** Whether [p, p + size) lies in one allocation of device memory. */
bool fake_device_range(CUdeviceptr p, size_t size);
bool fake_pinned_range(const void *p, size_t size);
/** Bytes from p to the end of its allocation. */
size_t fake_device_rest(const void *p);
/** Frees everything. @return whether some kernel wrote past the end of an allocation. */
bool fake_forget_memory();
void fake_forget_modules();
void fake_forget_launches();
/** A call that no capture may see: breaks those that are under way. */
CUresult fake_refuse_capture();

#endif
