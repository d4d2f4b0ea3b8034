/*
 * The entry points of libamdhip64 over those of libcuda: what differs is that errors have other names, that a device is current from
 * the start, that there are 64 KiB of shared memory for a block, and what is known of a device.
 */
#include <string.h>

#include "cxg_fake.h"

#define CUDA_API extern "C" CUresult
CUDA_API cuInit(unsigned);
CUDA_API cuDeviceGetCount(int *);
CUDA_API cuDeviceGet(int *, int);
CUDA_API cuDeviceTotalMem_v2(size_t *, int);
CUDA_API cuDeviceGetAttribute(int *, int, int);
CUDA_API cuDevicePrimaryCtxRetain(void **, int);
CUDA_API cuDevicePrimaryCtxRelease_v2(int);
CUDA_API cuDevicePrimaryCtxReset_v2(int);
CUDA_API cuCtxSetCurrent(void *);
CUDA_API cuModuleLoadData(void **, const void *);
CUDA_API cuModuleUnload(void *);
CUDA_API cuModuleGetFunction(void **, void *, const char *);
CUDA_API cuFuncSetAttribute(void *, int, int);
CUDA_API cuMemAlloc_v2(CUdeviceptr *, size_t);
CUDA_API cuMemFree_v2(CUdeviceptr);
CUDA_API cuMemGetInfo_v2(size_t *, size_t *);
CUDA_API cuMemHostAlloc(void **, size_t, unsigned);
CUDA_API cuMemFreeHost(void *);
CUDA_API cuMemcpyHtoD_v2(CUdeviceptr, const void *, size_t);
CUDA_API cuMemcpyHtoDAsync_v2(CUdeviceptr, const void *, size_t, fake_stream *);
CUDA_API cuMemcpyDtoHAsync_v2(void *, CUdeviceptr, size_t, fake_stream *);
CUDA_API cuMemsetD8_v2(CUdeviceptr, uint8_t, size_t);
CUDA_API cuStreamCreate(fake_stream **, unsigned);
CUDA_API cuStreamDestroy_v2(fake_stream *);
CUDA_API cuStreamQuery(fake_stream *);
CUDA_API cuStreamSynchronize(fake_stream *);
CUDA_API cuStreamBeginCapture_v2(fake_stream *, unsigned);
CUDA_API cuStreamEndCapture(fake_stream *, fake_graph **);
CUDA_API cuGraphInstantiateWithFlags(fake_graph **, fake_graph *, uint64_t);
CUDA_API cuGraphLaunch(fake_graph *, fake_stream *);
CUDA_API cuGraphDestroy(fake_graph *);
CUDA_API cuGraphExecDestroy(fake_graph *);
CUDA_API cuEventCreate(fake_event **, unsigned);
CUDA_API cuEventRecord(fake_event *, fake_stream *);
CUDA_API cuEventSynchronize(fake_event *);
CUDA_API cuEventElapsedTime(float *, fake_event *, fake_event *);
CUDA_API cuEventDestroy_v2(fake_event *);
CUDA_API cuLaunchKernel(void *, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, fake_stream *, void **, void **);

namespace {

constexpr unsigned SHARED_BYTES = 64 << 10;

/** hipDeviceProp_t of ROCm 5: the name, the architecture, the size. */
constexpr size_t NAME_BYTES = 256, ARCHITECTURE_AT = 396, PROPERTIES_BYTES = 792;

/** Processors of the gfx9 family have waves of 64 lanes. */
bool has_wide_waves() { return fake.architecture.compare(0, 4, "gfx9") == 0; }

struct error_name {
  CUresult value;
  const char *name, *text;
};
const error_name ERRORS[] = {
    {SUCCESS, "hipSuccess", "no error"},
    {INVALID_VALUE, "hipErrorInvalidValue", "invalid argument"},
    {OUT_OF_MEMORY, "hipErrorOutOfMemory", "out of memory"},
    {NOT_INITIALIZED, "hipErrorNotInitialized", "initialization error"},
    {NO_DEVICE, "hipErrorNoDevice", "no ROCm-capable device is detected"},
    {INVALID_DEVICE, "hipErrorInvalidDevice", "invalid device ordinal"},
    {INVALID_IMAGE, "hipErrorInvalidImage", "device kernel image is invalid"},
    {INVALID_CONTEXT, "hipErrorInvalidContext", "invalid device context"},
    {NO_BINARY_FOR_GPU, "hipErrorNoBinaryForGpu", "no kernel image is available for execution on the device"},
    {INVALID_HANDLE, "hipErrorInvalidHandle", "invalid resource handle"},
    {NOT_FOUND, "hipErrorNotFound", "named symbol not found"},
    {NOT_READY, "hipErrorNotReady", "device not ready"},
    {ILLEGAL_ADDRESS, "hipErrorIllegalAddress", "an illegal memory access was encountered"},
    {CXG_LAUNCH_FAILED, "hipErrorLaunchFailure", "unspecified launch failure"},
    {CAPTURE_UNSUPPORTED, "hipErrorStreamCaptureUnsupported", "operation not permitted when stream is capturing"},
    {CAPTURE_INVALIDATED, "hipErrorStreamCaptureInvalidated", "operation failed due to a previous error during capture"},
};

const error_name &find_error(CUresult value) {
  static const error_name unknown = {0, "hipErrorUnknown", "unknown error"};
  for (const error_name &e : ERRORS)
    if (e.value == value) return e;
  return unknown;
}

}  // namespace

FAKE_API CUresult hipInit(unsigned flags) { return cuInit(flags); }
FAKE_API CUresult hipDriverGetVersion(int *version) {
  *version = fake.hip;
  return SUCCESS;
}
FAKE_API CUresult hipGetDeviceCount(int *count) { return cuDeviceGetCount(count); }
FAKE_API CUresult hipDeviceGet(int *device, int ordinal) { return cuDeviceGet(device, ordinal); }
FAKE_API CUresult hipDeviceGetName(char *name, int size, int device) {
  int known;
  if (const CUresult result = cuDeviceGet(&known, device); result != SUCCESS) return result;
  strncpy(name, "Fake AMD device", size_t(size));
  name[size - 1] = 0;
  return SUCCESS;
}
FAKE_API CUresult hipDeviceTotalMem(size_t *bytes, int device) { return cuDeviceTotalMem_v2(bytes, device); }
/** hipDeviceAttribute_t since ROCm 5: 63 is MultiprocessorCount, 74 MaxSharedMemoryPerBlock, 87 WarpSize. */
FAKE_API CUresult hipDeviceGetAttribute(int *value, int which, int device) {
  if (which == 63) return cuDeviceGetAttribute(value, 16, device);
  *value = which == 74 ? int(SHARED_BYTES) : which == 87 ? (has_wide_waves() ? 64 : 32) : 0;
  int known;
  return cuDeviceGet(&known, device);
}
FAKE_API CUresult hipGetDeviceProperties(void *properties, int device) {
  char *bytes = static_cast<char *>(properties);
  int known;
  if (const CUresult result = cuDeviceGet(&known, device); result != SUCCESS) return result;
  memset(bytes, 0, PROPERTIES_BYTES);
  strncpy(bytes, "Fake AMD device", NAME_BYTES - 1);
  strncpy(bytes + ARCHITECTURE_AT, fake.architecture.c_str(), 255);
  return SUCCESS;
}
FAKE_API CUresult hipDevicePrimaryCtxRetain(void **context, int device) { return cuDevicePrimaryCtxRetain(context, device); }
FAKE_API CUresult hipDevicePrimaryCtxRelease(int device) { return cuDevicePrimaryCtxRelease_v2(device); }
/** Does nothing, as HIP's. */
FAKE_API CUresult hipDevicePrimaryCtxReset(int) { return SUCCESS; }
FAKE_API CUresult hipDeviceReset() { return cuDevicePrimaryCtxReset_v2(0); }
FAKE_API CUresult hipCtxSetCurrent(void *context) { return cuCtxSetCurrent(context); }
FAKE_API CUresult hipModuleLoadData(void **module, const void *image) { return cuModuleLoadData(module, image); }
FAKE_API CUresult hipModuleUnload(void *module) { return cuModuleUnload(module); }
FAKE_API CUresult hipModuleGetFunction(void **function, void *module, const char *name) {
  const CUresult result = cuModuleGetFunction(function, module, name);
  return result == SUCCESS ? cuFuncSetAttribute(*function, 8, SHARED_BYTES) : result;
}
FAKE_API CUresult hipMalloc(CUdeviceptr *p, size_t size) { return cuMemAlloc_v2(p, size); }
FAKE_API CUresult hipFree(CUdeviceptr p) { return cuMemFree_v2(p); }
FAKE_API CUresult hipMemGetInfo(size_t *free_bytes, size_t *total) { return cuMemGetInfo_v2(free_bytes, total); }
FAKE_API CUresult hipHostMalloc(void **p, size_t size, unsigned flags) { return cuMemHostAlloc(p, size, flags); }
FAKE_API CUresult hipHostFree(void *p) { return cuMemFreeHost(p); }
FAKE_API CUresult hipMemcpyHtoD(CUdeviceptr to, const void *from, size_t size) { return cuMemcpyHtoD_v2(to, from, size); }
FAKE_API CUresult hipMemcpyHtoDAsync(CUdeviceptr to, const void *from, size_t size, fake_stream *stream) {
  return cuMemcpyHtoDAsync_v2(to, from, size, stream);
}
FAKE_API CUresult hipMemcpyDtoHAsync(void *to, CUdeviceptr from, size_t size, fake_stream *stream) {
  return cuMemcpyDtoHAsync_v2(to, from, size, stream);
}
FAKE_API CUresult hipMemsetD8(CUdeviceptr to, uint8_t value, size_t size) { return cuMemsetD8_v2(to, value, size); }
FAKE_API CUresult hipStreamCreateWithFlags(fake_stream **stream, unsigned flags) { return cuStreamCreate(stream, flags); }
FAKE_API CUresult hipStreamDestroy(fake_stream *stream) { return cuStreamDestroy_v2(stream); }
FAKE_API CUresult hipStreamQuery(fake_stream *stream) { return cuStreamQuery(stream); }
FAKE_API CUresult hipStreamSynchronize(fake_stream *stream) { return cuStreamSynchronize(stream); }
FAKE_API CUresult hipStreamBeginCapture(fake_stream *stream, int mode) { return cuStreamBeginCapture_v2(stream, unsigned(mode)); }
FAKE_API CUresult hipStreamEndCapture(fake_stream *stream, fake_graph **graph) { return cuStreamEndCapture(stream, graph); }
FAKE_API CUresult hipGraphInstantiateWithFlags(fake_graph **executable, fake_graph *graph, unsigned long long flags) {
  return cuGraphInstantiateWithFlags(executable, graph, flags);
}
FAKE_API CUresult hipGraphLaunch(fake_graph *executable, fake_stream *stream) { return cuGraphLaunch(executable, stream); }
FAKE_API CUresult hipGraphDestroy(fake_graph *graph) { return cuGraphDestroy(graph); }
FAKE_API CUresult hipGraphExecDestroy(fake_graph *executable) { return cuGraphExecDestroy(executable); }
FAKE_API CUresult hipEventCreateWithFlags(fake_event **event, unsigned flags) { return cuEventCreate(event, flags); }
FAKE_API CUresult hipEventRecord(fake_event *event, fake_stream *stream) { return cuEventRecord(event, stream); }
FAKE_API CUresult hipEventSynchronize(fake_event *event) { return cuEventSynchronize(event); }
FAKE_API CUresult hipEventElapsedTime(float *ms, fake_event *from, fake_event *to) { return cuEventElapsedTime(ms, from, to); }
FAKE_API CUresult hipEventDestroy(fake_event *event) { return cuEventDestroy_v2(event); }
FAKE_API CUresult hipModuleLaunchKernel(void *function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x, unsigned block_y,
                                        unsigned block_z, unsigned shared_bytes, fake_stream *stream, void **parameters, void **extra) {
  if (shared_bytes > SHARED_BYTES) return INVALID_VALUE;
  return cuLaunchKernel(function, grid_x, grid_y, grid_z, block_x, block_y, block_z, shared_bytes, stream, parameters, extra);
}
FAKE_API const char *hipGetErrorName(CUresult value) { return find_error(value).name; }
FAKE_API const char *hipGetErrorString(CUresult value) { return find_error(value).text; }
