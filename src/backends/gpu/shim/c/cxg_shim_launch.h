/*
 * Running a kernel on the CPU: what a shared object of kernels built with the shim exports besides them.
 */
#ifndef CXG_SHIM_LAUNCH_H
#define CXG_SHIM_LAUNCH_H

#include <stddef.h>
#include <stdint.h>

#ifndef CX_ENV_H
#define CX_ENV_H
/** As in cxg_prims.cuh. */
typedef struct cx_env {
  uint8_t *m;
  const uint8_t *params;
} cx_env;
#endif

/** In which order the threads of a block run; a right kernel gives the same bytes in each. */
typedef enum cxg_order {
  /** Each warp as far as it gets alone, first to last; within it each lane. */
  CXG_ORDER_FORWARD = 0,
  /** The same, last to first. */
  CXG_ORDER_REVERSE = 1,
  /** Another warp by chance after every wait, lanes permuted; blocks permuted. */
  CXG_ORDER_PERMUTED = 2,
} cxg_order;

/** When an asynchronous instruction reads and writes memory; hardware may do either. */
typedef enum cxg_timing {
  /** As late as its wait allows. */
  CXG_TIMING_LATE = 0,
  /** At once. */
  CXG_TIMING_EARLY = 1,
} cxg_timing;

typedef struct cxg_launch {
  const char *name;
  void (*kernel)(cx_env);
  cx_env env;
  uint32_t grid[3], block[3];
  /** Bytes of dynamic shared memory, at most 227 KiB. */
  uint32_t shared_bytes;
  cxg_order order;
  cxg_timing timing;
  /** Of CXG_ORDER_PERMUTED. */
  uint32_t seed;
} cxg_launch;

/** Results, with the values of CUresult that hardware gives for the like. */
typedef enum cxg_result {
  CXG_OK = 0,
  CXG_INVALID_VALUE = 1,
  CXG_ILLEGAL_ADDRESS = 700,
  CXG_OUT_OF_RESOURCES = 701,
  CXG_MISALIGNED_ADDRESS = 716,
  CXG_LAUNCH_FAILED = 719,
} cxg_result;

#if defined(__cplusplus)
extern "C" {
#endif
/**
 * Runs a launch to its end. @param message - on failure: kernel, block, thread and what happened, at most `size` bytes with
 * the 0 that ends it. Not reentrant: one launch at a time in a process.
 */
__attribute__((visibility("default"))) cxg_result cxg_shim_launch(const cxg_launch *launch, char *message, size_t size);
#if defined(__cplusplus)
}
#endif

#endif
