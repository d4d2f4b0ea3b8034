/*
 * The driver API of CUDA, loaded when the runner starts: it builds without CUDA's headers, and libcuda.so.1 comes with the
 * driver. Types and numbers are those of cuda.h (CUDA driver API reference, 13.0).
 */
#ifndef CXG_DRIVER_H
#define CXG_DRIVER_H

#include <stddef.h>
#include <stdint.h>

typedef int cxg_result;
typedef int cxg_device;
typedef uint64_t cxg_address;
typedef void *cxg_handle;

/** CUdevice_attribute and CUfunction_attribute. */
#define CXG_PROCESSORS 16
#define CXG_CLOCK_KHZ 13
#define CXG_MAJOR 75
#define CXG_MINOR 76
#define CXG_FUNCTION_SHARED 8
/** CU_STREAM_DEFAULT: copies outside of streams come before later work on it. CU_STREAM_CAPTURE_MODE_THREAD_LOCAL. */
#define CXG_STREAM_DEFAULT 0
#define CXG_CAPTURE_LOCAL 1

/* name, exported name, arguments; all return a result */
#define CXG_FUNCTIONS(F)                                                                                                        \
  F(init, "cuInit", (unsigned flags))                                                                                           \
  F(driver_version, "cuDriverGetVersion", (int *version))                                                                       \
  F(device_count, "cuDeviceGetCount", (int *count))                                                                             \
  F(device_get, "cuDeviceGet", (cxg_device * device, int ordinal))                                                              \
  F(device_name, "cuDeviceGetName", (char *name, int bytes, cxg_device device))                                                 \
  F(device_memory, "cuDeviceTotalMem_v2", (size_t * bytes, cxg_device device))                                                  \
  F(device_attribute, "cuDeviceGetAttribute", (int *value, int attribute, cxg_device device))                                   \
  F(context_retain, "cuDevicePrimaryCtxRetain", (cxg_handle * context, cxg_device device))                                      \
  F(context_release, "cuDevicePrimaryCtxRelease_v2", (cxg_device device))                                                       \
  F(context_set, "cuCtxSetCurrent", (cxg_handle context))                                                                       \
  F(module_load, "cuModuleLoadData", (cxg_handle * module, const void *image))                                                  \
  F(module_unload, "cuModuleUnload", (cxg_handle module))                                                                       \
  F(module_function, "cuModuleGetFunction", (cxg_handle * function, cxg_handle module, const char *name))                       \
  F(function_set, "cuFuncSetAttribute", (cxg_handle function, int attribute, int value))                                        \
  F(allocate, "cuMemAlloc_v2", (cxg_address * at, size_t bytes))                                                                \
  F(release, "cuMemFree_v2", (cxg_address at))                                                                                  \
  F(allocate_host, "cuMemHostAlloc", (void **at, size_t bytes, unsigned flags))                                                 \
  F(release_host, "cuMemFreeHost", (void *at))                                                                                  \
  F(upload, "cuMemcpyHtoD_v2", (cxg_address to, const void *from, size_t bytes))                                                \
  F(upload_later, "cuMemcpyHtoDAsync_v2", (cxg_address to, const void *from, size_t bytes, cxg_handle stream))                  \
  F(download_later, "cuMemcpyDtoHAsync_v2", (void *to, cxg_address from, size_t bytes, cxg_handle stream))                      \
  F(clear, "cuMemsetD8_v2", (cxg_address at, unsigned char value, size_t bytes))                                                \
  F(stream_create, "cuStreamCreate", (cxg_handle * stream, unsigned flags))                                                     \
  F(stream_destroy, "cuStreamDestroy_v2", (cxg_handle stream))                                                                  \
  F(stream_wait, "cuStreamSynchronize", (cxg_handle stream))                                                                    \
  F(capture_begin, "cuStreamBeginCapture_v2", (cxg_handle stream, int mode))                                                    \
  F(capture_end, "cuStreamEndCapture", (cxg_handle stream, cxg_handle * graph))                                                 \
  F(graph_instantiate, "cuGraphInstantiateWithFlags", (cxg_handle * result, cxg_handle graph, unsigned long long flags))        \
  F(graph_launch, "cuGraphLaunch", (cxg_handle graph, cxg_handle stream))                                                       \
  F(graph_destroy, "cuGraphDestroy", (cxg_handle graph))                                                                        \
  F(event_create, "cuEventCreate", (cxg_handle * event, unsigned flags))                                                        \
  F(event_record, "cuEventRecord", (cxg_handle event, cxg_handle stream))                                                       \
  F(event_wait, "cuEventSynchronize", (cxg_handle event))                                                                       \
  F(event_elapsed, "cuEventElapsedTime", (float *milliseconds, cxg_handle start, cxg_handle end))                               \
  F(launch, "cuLaunchKernel",                                                                                                   \
    (cxg_handle function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared,        \
     cxg_handle stream, void **arguments, void **extra))                                                                        \
  F(error_name, "cuGetErrorName", (cxg_result result, const char **text))                                                       \
  F(error_text, "cuGetErrorString", (cxg_result result, const char **text))

typedef struct cxg_driver {
#define CXG_MEMBER(member, name, arguments) cxg_result(*member) arguments;
    CXG_FUNCTIONS(CXG_MEMBER)
#undef CXG_MEMBER
} cxg_driver;

/** All functions of the driver library; filled by cxg_driver_open. */
extern cxg_driver cxg;

/** Loads the driver: `library`, else CORTEXC_CUDA_DRIVER, else libcuda.so.1. @returns 0, or 1 after saying why not on stderr */
int cxg_driver_open(const char *library);

/** Says on stderr which call gave which error. @returns 1 */
int cxg_driver_failed(const char *call, cxg_result result);

/** A call as a statement: returns 1 from the function around it when the driver refuses. */
#define CXG_TRY(member, ...)                                                    \
    do {                                                                        \
        cxg_result cxg_got = cxg.member(__VA_ARGS__);                           \
        if (cxg_got != 0)                                                       \
            return cxg_driver_failed(#member, cxg_got);                         \
    } while (0)

#endif
