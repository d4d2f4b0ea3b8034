/* Devices, contexts and errors of the fake driver. */
#include <stdlib.h>
#include <string.h>

#include <map>

#include "cxg_fake.h"

fake_settings fake;
std::recursive_mutex fake_lock;
CUresult fake_sticky = SUCCESS;
std::string fake_message;
bool fake_initialized, fake_context_alive;

namespace {

/** Of this thread of the system. */
thread_local const void *current_context;
char the_context;
int retained;

/** Of cxg_fake_set. */
std::map<std::string, std::string> given;

std::string text_setting(const char *name, const char *otherwise) {
  const auto found = given.find(name);
  const char *text = found == given.end() ? getenv(name) : found->second.c_str();
  return text == nullptr || *text == 0 ? otherwise : text;
}
uint64_t setting(const char *name, uint64_t otherwise) {
  const std::string text = text_setting(name, "");
  return text.empty() ? otherwise : strtoull(text.c_str(), nullptr, 10);
}

void read_settings() {
  fake.devices = int(setting("CXG_FAKE_DEVICES", 1));
  fake.driver = int(setting("CXG_FAKE_DRIVER", 13000));
  fake.hip = int(setting("CXG_FAKE_HIP", 60200000));
  fake.architecture = text_setting("CXG_FAKE_ARCHITECTURE", "gfx90a:sramecc+:xnack-");
  fake.capability = int(setting("CXG_FAKE_CAPABILITY", 90));
  fake.memory = setting("CXG_FAKE_MEMORY", uint64_t(8) << 30);
  fake.oom_at = setting("CXG_FAKE_OOM_AT", 0);
  fake.fail_at = setting("CXG_FAKE_FAIL_AT", 0);
  fake.hang_at = setting("CXG_FAKE_HANG_AT", 0);
  fake.crash_at = setting("CXG_FAKE_CRASH_AT", 0);
  fake.corrupt_at = setting("CXG_FAKE_CORRUPT_AT", 0);
  fake.image_at = setting("CXG_FAKE_IMAGE_AT", 0);
  fake.order = int(setting("CXG_FAKE_ORDER", 0));
  fake.timing = int(setting("CXG_FAKE_TIMING", 0));
  fake.seed = uint32_t(setting("CXG_FAKE_SEED", 1));
}

void forget_everything() {
  /* what runs on a device cannot be taken from it */
  fake_wait_if_hung();
  fake_forget_streams();
  fake_forget_memory();
  fake_forget_modules();
  fake_sticky = SUCCESS;
  fake_message.clear();
  fake_context_alive = false;
}

struct error_name {
  CUresult value;
  const char *name, *text;
};
const error_name ERRORS[] = {
    {SUCCESS, "CUDA_SUCCESS", "no error"},
    {INVALID_VALUE, "CUDA_ERROR_INVALID_VALUE", "invalid argument"},
    {OUT_OF_MEMORY, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory"},
    {NOT_INITIALIZED, "CUDA_ERROR_NOT_INITIALIZED", "initialization error"},
    {NO_DEVICE, "CUDA_ERROR_NO_DEVICE", "no CUDA-capable device is detected"},
    {INVALID_DEVICE, "CUDA_ERROR_INVALID_DEVICE", "invalid device ordinal"},
    {INVALID_IMAGE, "CUDA_ERROR_INVALID_IMAGE", "device kernel image is invalid"},
    {INVALID_CONTEXT, "CUDA_ERROR_INVALID_CONTEXT", "invalid device context"},
    {NO_BINARY_FOR_GPU, "CUDA_ERROR_NO_BINARY_FOR_GPU", "no kernel image is available for execution on the device"},
    {INVALID_HANDLE, "CUDA_ERROR_INVALID_HANDLE", "invalid resource handle"},
    {NOT_FOUND, "CUDA_ERROR_NOT_FOUND", "named symbol not found"},
    {NOT_READY, "CUDA_ERROR_NOT_READY", "device not ready"},
    {ILLEGAL_ADDRESS, "CUDA_ERROR_ILLEGAL_ADDRESS", "an illegal memory access was encountered"},
    {CXG_OUT_OF_RESOURCES, "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES", "too many resources requested for launch"},
    {CXG_MISALIGNED_ADDRESS, "CUDA_ERROR_MISALIGNED_ADDRESS", "misaligned address"},
    {CXG_LAUNCH_FAILED, "CUDA_ERROR_LAUNCH_FAILED", "unspecified launch failure"},
    {CAPTURE_UNSUPPORTED, "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED", "operation not permitted when stream is capturing"},
    {CAPTURE_INVALIDATED, "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED", "operation failed due to a previous error during capture"},
};

const error_name *find_error(CUresult value) {
  for (const error_name &e : ERRORS)
    if (e.value == value) return &e;
  return nullptr;
}

/** CU_DEVICE_ATTRIBUTE_...: those that hosts ask for; others are 0. */
int attribute(int which) {
  switch (which) {
    case 1: return 1024;                           /* MAX_THREADS_PER_BLOCK */
    case 2: case 3: return 1024;                   /* MAX_BLOCK_DIM_X, Y */
    case 4: return 64;                             /* MAX_BLOCK_DIM_Z */
    case 5: return 0x7fffffff;                     /* MAX_GRID_DIM_X */
    case 6: case 7: return 65535;                  /* MAX_GRID_DIM_Y, Z */
    case 8: return 48 << 10;                       /* MAX_SHARED_MEMORY_PER_BLOCK */
    case 10: return 32;                            /* WARP_SIZE */
    case 13: return 1755000;                       /* CLOCK_RATE, kHz */
    case 16: return 132;                           /* MULTIPROCESSOR_COUNT */
    case 36: return 2619000;                       /* MEMORY_CLOCK_RATE, kHz */
    case 37: return 5120;                          /* GLOBAL_MEMORY_BUS_WIDTH, bits */
    case 38: return 50 << 20;                      /* L2_CACHE_SIZE */
    case 75: return fake.capability / 10;          /* COMPUTE_CAPABILITY_MAJOR */
    case 76: return fake.capability % 10;          /* COMPUTE_CAPABILITY_MINOR */
    case 81: return 228 << 10;                     /* MAX_SHARED_MEMORY_PER_MULTIPROCESSOR */
    case 97: return fake.capability >= 90 ? 227 << 10 : fake.capability == 75 ? 64 << 10 : 99 << 10; /* ..._PER_BLOCK_OPTIN */
    default: return 0;
  }
}

}  // namespace

CUresult fake_enter() {
  if (!fake_initialized) return NOT_INITIALIZED;
  if (current_context == nullptr || !fake_context_alive) return INVALID_CONTEXT;
  return fake_sticky;
}

#define FAKE_INITIALIZED()                                     \
  std::lock_guard<std::recursive_mutex> fake_guard(fake_lock); \
  if (!fake_initialized) return NOT_INITIALIZED
#define FAKE_DEVICE(device)                                                     \
  FAKE_INITIALIZED();                                                           \
  if ((device) < 0 || (device) >= fake.devices) return INVALID_DEVICE

FAKE_API CUresult cuInit(unsigned flags) {
  std::lock_guard<std::recursive_mutex> guard(fake_lock);
  read_settings();
  fake_forget_launches();
  if (flags != 0) return INVALID_VALUE;
  if (fake.devices == 0) return NO_DEVICE;
  fake_initialized = true;
  return SUCCESS;
}
FAKE_API CUresult cuDriverGetVersion(int *version) {
  std::lock_guard<std::recursive_mutex> guard(fake_lock);
  if (!fake_initialized) read_settings();
  *version = fake.driver;
  return SUCCESS;
}
FAKE_API CUresult cuDeviceGetCount(int *count) {
  FAKE_INITIALIZED();
  *count = fake.devices;
  return SUCCESS;
}
FAKE_API CUresult cuDeviceGet(int *device, int ordinal) {
  FAKE_DEVICE(ordinal);
  *device = ordinal;
  return SUCCESS;
}
FAKE_API CUresult cuDeviceGetName(char *name, int size, int device) {
  FAKE_DEVICE(device);
  strncpy(name, "Fake device", size_t(size));
  name[size - 1] = 0;
  return SUCCESS;
}
FAKE_API CUresult cuDeviceGetUuid(uint8_t *uuid, int device) {
  FAKE_DEVICE(device);
  memset(uuid, 0, 16);
  uuid[15] = uint8_t(device);
  return SUCCESS;
}
FAKE_API CUresult cuDeviceGetUuid_v2(uint8_t *uuid, int device) { return cuDeviceGetUuid(uuid, device); }
FAKE_API CUresult cuDeviceTotalMem_v2(size_t *bytes, int device) {
  FAKE_DEVICE(device);
  *bytes = fake.memory;
  return SUCCESS;
}
FAKE_API CUresult cuDeviceGetAttribute(int *value, int which, int device) {
  FAKE_DEVICE(device);
  *value = attribute(which);
  return SUCCESS;
}
FAKE_API CUresult cuDevicePrimaryCtxRetain(void **context, int device) {
  FAKE_DEVICE(device);
  retained++;
  fake_context_alive = true;
  *context = &the_context;
  return SUCCESS;
}
FAKE_API CUresult cuDevicePrimaryCtxReset_v2(int device) {
  FAKE_DEVICE(device);
  forget_everything();
  fake_context_alive = retained > 0;
  return SUCCESS;
}
FAKE_API CUresult cuDevicePrimaryCtxRelease_v2(int device) {
  FAKE_DEVICE(device);
  if (retained == 0) return INVALID_CONTEXT;
  if (--retained == 0) forget_everything();
  return SUCCESS;
}
FAKE_API CUresult cuDevicePrimaryCtxGetState(int device, unsigned *flags, int *active) {
  FAKE_DEVICE(device);
  *flags = 0;
  *active = fake_context_alive;
  return SUCCESS;
}
FAKE_API CUresult cuCtxCreate_v2(void **context, unsigned, int device) {
  const CUresult result = cuDevicePrimaryCtxRetain(context, device);
  if (result == SUCCESS) current_context = *context;
  return result;
}
FAKE_API CUresult cuCtxDestroy_v2(void *context) {
  if (context != &the_context) return INVALID_CONTEXT;
  current_context = nullptr;
  return cuDevicePrimaryCtxRelease_v2(0);
}
FAKE_API CUresult cuCtxSetCurrent(void *context) {
  FAKE_INITIALIZED();
  if (context != nullptr && context != &the_context) return INVALID_CONTEXT;
  current_context = context;
  return SUCCESS;
}
FAKE_API CUresult cuCtxGetCurrent(const void **context) {
  FAKE_INITIALIZED();
  *context = current_context;
  return SUCCESS;
}
FAKE_API CUresult cuCtxGetDevice(int *device) {
  FAKE_ENTER();
  *device = 0;
  return SUCCESS;
}
FAKE_API CUresult cuGetErrorName(CUresult value, const char **text) {
  const error_name *e = find_error(value);
  *text = e == nullptr ? nullptr : e->name;
  return e == nullptr ? INVALID_VALUE : SUCCESS;
}
FAKE_API CUresult cuGetErrorString(CUresult value, const char **text) {
  const error_name *e = find_error(value);
  *text = e == nullptr ? nullptr : e->text;
  return e == nullptr ? INVALID_VALUE : SUCCESS;
}
/** What the shim says of the error that stays, empty when there is none: of this library only. */
FAKE_API const char *cxg_fake_last_message() { return fake_message.c_str(); }
/** Sets what is else an environment variable, for hosts whose environment C does not see; without a name forgets them all, and a kernel that hangs ends. */
FAKE_API void cxg_fake_set(const char *name, const char *value) {
  std::lock_guard<std::recursive_mutex> guard(fake_lock);
  if (name == nullptr) {
    given.clear();
    fake_end_hang();
  }
  else given[name] = value;
}
