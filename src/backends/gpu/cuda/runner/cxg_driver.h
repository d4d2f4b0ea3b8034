/*
 * The driver API of CUDA, or with -DCXG_HIP HIP's, loaded when the runner starts: it builds without their headers, and the library
 * comes with the driver. Types and numbers are those of cuda.h (CUDA driver API reference, 13.0) and hip_runtime_api.h (HIP 5.2),
 * whose functions take the same arguments.
 */
#ifndef CXG_DRIVER_H
#define CXG_DRIVER_H

#include <stddef.h>
#include <stdint.h>

typedef int cxg_result;
typedef int cxg_device;
typedef uint64_t cxg_address;
typedef void *cxg_handle;

/** CUdevice_attribute (hipDeviceAttribute_t has other numbers) and CUfunction_attribute. */
#define CXG_MAJOR 75
#define CXG_MINOR 76
#define CXG_FUNCTION_SHARED 8
/** CU_STREAM_DEFAULT: copies outside of streams come before later work on it. CU_STREAM_CAPTURE_MODE_THREAD_LOCAL. */
#define CXG_STREAM_DEFAULT 0
#define CXG_CAPTURE_LOCAL 1
/** What stream_query gives while work is left: CUDA_ERROR_NOT_READY, hipErrorNotReady. */
#define CXG_NOT_READY 600

/* name, exported names of CUDA and HIP, arguments; all return a result */
#define CXG_FUNCTIONS(F)                                                                                                          \
  F(init, "cuInit", "hipInit", (unsigned flags))                                                                                  \
  F(driver_version, "cuDriverGetVersion", "hipDriverGetVersion", (int *version))                                                  \
  F(device_count, "cuDeviceGetCount", "hipGetDeviceCount", (int *count))                                                          \
  F(device_get, "cuDeviceGet", "hipDeviceGet", (cxg_device * device, int ordinal))                                                \
  F(device_name, "cuDeviceGetName", "hipDeviceGetName", (char *name, int bytes, cxg_device device))                               \
  F(device_memory, "cuDeviceTotalMem_v2", "hipDeviceTotalMem", (size_t * bytes, cxg_device device))                               \
  F(device_attribute, "cuDeviceGetAttribute", "hipDeviceGetAttribute", (int *value, int attribute, cxg_device device))            \
  F(context_retain, "cuDevicePrimaryCtxRetain", "hipDevicePrimaryCtxRetain", (cxg_handle * context, cxg_device device))           \
  F(context_release, "cuDevicePrimaryCtxRelease_v2", "hipDevicePrimaryCtxRelease", (cxg_device device))                           \
  F(context_set, "cuCtxSetCurrent", "hipCtxSetCurrent", (cxg_handle context))                                                     \
  F(module_load, "cuModuleLoadData", "hipModuleLoadData", (cxg_handle * module, const void *image))                               \
  F(module_unload, "cuModuleUnload", "hipModuleUnload", (cxg_handle module))                                                      \
  F(module_function, "cuModuleGetFunction", "hipModuleGetFunction", (cxg_handle * function, cxg_handle module, const char *name)) \
  F(function_set, "cuFuncSetAttribute", NULL, (cxg_handle function, int attribute, int value))                                    \
  F(allocate, "cuMemAlloc_v2", "hipMalloc", (cxg_address * at, size_t bytes))                                                     \
  F(release, "cuMemFree_v2", "hipFree", (cxg_address at))                                                                         \
  F(allocate_host, "cuMemHostAlloc", "hipHostMalloc", (void **at, size_t bytes, unsigned flags))                                  \
  F(release_host, "cuMemFreeHost", "hipHostFree", (void *at))                                                                     \
  F(upload, "cuMemcpyHtoD_v2", "hipMemcpyHtoD", (cxg_address to, const void *from, size_t bytes))                                 \
  F(upload_later, "cuMemcpyHtoDAsync_v2", "hipMemcpyHtoDAsync", (cxg_address to, const void *from, size_t bytes, cxg_handle stream)) \
  F(download_later, "cuMemcpyDtoHAsync_v2", "hipMemcpyDtoHAsync", (void *to, cxg_address from, size_t bytes, cxg_handle stream))  \
  F(clear, "cuMemsetD8_v2", "hipMemsetD8", (cxg_address at, unsigned char value, size_t bytes))                                   \
  F(stream_create, "cuStreamCreate", "hipStreamCreateWithFlags", (cxg_handle * stream, unsigned flags))                           \
  F(stream_destroy, "cuStreamDestroy_v2", "hipStreamDestroy", (cxg_handle stream))                                                \
  F(stream_query, "cuStreamQuery", "hipStreamQuery", (cxg_handle stream))                                                         \
  F(capture_begin, "cuStreamBeginCapture_v2", "hipStreamBeginCapture", (cxg_handle stream, int mode))                             \
  F(capture_end, "cuStreamEndCapture", "hipStreamEndCapture", (cxg_handle stream, cxg_handle * graph))                            \
  F(graph_instantiate, "cuGraphInstantiateWithFlags", "hipGraphInstantiateWithFlags", (cxg_handle * result, cxg_handle graph, unsigned long long flags))\
  F(graph_launch, "cuGraphLaunch", "hipGraphLaunch", (cxg_handle graph, cxg_handle stream))                                       \
  F(graph_destroy, "cuGraphDestroy", "hipGraphDestroy", (cxg_handle graph))                                                       \
  F(event_create, "cuEventCreate", "hipEventCreateWithFlags", (cxg_handle * event, unsigned flags))                               \
  F(event_record, "cuEventRecord", "hipEventRecord", (cxg_handle event, cxg_handle stream))                                       \
  F(event_wait, "cuEventSynchronize", "hipEventSynchronize", (cxg_handle event))                                                  \
  F(event_elapsed, "cuEventElapsedTime", "hipEventElapsedTime", (float *milliseconds, cxg_handle start, cxg_handle end))          \
  F(launch, "cuLaunchKernel", "hipModuleLaunchKernel",                                                                            \
    (cxg_handle function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,                           \
     unsigned shared, cxg_handle stream, void **arguments, void **extra))

typedef struct cxg_driver {
#define CXG_MEMBER(member, cuda, hip, arguments) cxg_result(*member) arguments;
    CXG_FUNCTIONS(CXG_MEMBER)
#undef CXG_MEMBER
} cxg_driver;

/** All functions of the driver library; filled by cxg_driver_open, null where HIP has none. */
extern cxg_driver cxg;

/**
 * Loads the driver: `library`, else CORTEXC_CUDA_DRIVER, else libcuda.so.1; of HIP CORTEXC_HIP_DRIVER, else libamdhip64.so.
 * @returns 0, or 1 after saying why not on stderr
 */
int cxg_driver_open(const char *library);

/** What the device computes with, for people: `compute capability 9.0`, `gfx90a:sramecc+:xnack-`. `capability`: 90, or 0 for HIP. */
void cxg_driver_architecture(cxg_device device, char *text, size_t bytes, int *capability);
/** The version that the driver tells, as people write it. */
void cxg_driver_version(char *text, size_t bytes);

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
