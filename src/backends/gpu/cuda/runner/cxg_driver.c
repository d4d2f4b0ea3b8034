/*
 * Loads the driver library.
 */
#include "cxg_driver.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

cxg_driver cxg;

#if defined(CXG_HIP)
#define CXG_NAME(cuda, hip) hip
#define CXG_VARIABLE "CORTEXC_HIP_DRIVER"
#define CXG_MISSING "no driver of HIP"
#define CXG_INSTALL "install ROCm"
#define CXG_OLD "install ROCm 5.2 or newer"
static const char *const libraries[] = {"libamdhip64.so.7", "libamdhip64.so.6", "libamdhip64.so.5", "libamdhip64.so"};
#else
#define CXG_NAME(cuda, hip) cuda
#define CXG_VARIABLE "CORTEXC_CUDA_DRIVER"
#define CXG_MISSING "no driver of CUDA"
#define CXG_INSTALL "install NVIDIA's driver"
#define CXG_OLD "install a driver of CUDA 12 or newer"
static const char *const libraries[] = {"libcuda.so.1"};
#endif

static const struct {
    const char *member, *name;
    size_t offset;
} functions[] = {
#define CXG_ENTRY(member, cuda, hip, arguments) {#member, CXG_NAME(cuda, hip), offsetof(cxg_driver, member)},
    CXG_FUNCTIONS(CXG_ENTRY)
#undef CXG_ENTRY
};

static void *loaded;

/* The library of that name, else the first that the system has. */
static void *load(const char *library, const char **path)
{
    const char *named = library != NULL ? library : getenv(CXG_VARIABLE);
    if (named != NULL && named[0] != '\0')
        return dlopen(*path = named, RTLD_NOW | RTLD_LOCAL);
    void *handle = NULL;
    for (size_t i = 0; handle == NULL && i < sizeof libraries / sizeof libraries[0]; i++)
        handle = dlopen(*path = libraries[i], RTLD_NOW | RTLD_LOCAL);
    return handle;
}

/* A function of the library. ISO C has no cast from an object pointer to a function pointer; POSIX promises the representation. */
static int find(const char *name, void *to)
{
    void *found = dlsym(loaded, name);
    memcpy(to, &found, sizeof found);
    return found != NULL;
}

int cxg_driver_open(const char *library)
{
    const char *path = "";
    loaded = load(library, &path);
    if (loaded == NULL) {
        fprintf(stderr, "error: " CXG_MISSING ": %s\nremedy: " CXG_INSTALL ", or run the program without a GPU: make shim\n", dlerror());
        return 1;
    }
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        if (functions[i].name != NULL && !find(functions[i].name, (char *)&cxg + functions[i].offset)) {
            fprintf(stderr, "error: %s has no %s\nremedy: " CXG_OLD "\n", path, functions[i].name);
            return 1;
        }
    }
    return 0;
}

/* Name and text of a result; CUDA's functions store the address of a text, HIP's return it. */
static void describe(cxg_result result, const char **name, const char **text)
{
#if defined(CXG_HIP)
    const char *(*ask)(cxg_result);
    if (find("hipGetErrorName", &ask))
        *name = ask(result);
    if (find("hipGetErrorString", &ask))
        *text = ask(result);
#else
    cxg_result (*ask)(cxg_result, const char **);
    if (find("cuGetErrorName", &ask))
        ask(result, name);
    if (find("cuGetErrorString", &ask))
        ask(result, text);
#endif
}

int cxg_driver_failed(const char *call, cxg_result result)
{
    const char *name = NULL, *text = NULL, *full = call;
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++)
        if (strcmp(functions[i].member, call) == 0 && functions[i].name != NULL)
            full = functions[i].name;
    describe(result, &name, &text);
    fprintf(stderr, "error: %s gives %d (%s: %s)\n", full, result, name != NULL ? name : "unknown", text != NULL ? text : "no text");
    return 1;
}

void cxg_driver_architecture(cxg_device device, char *text, size_t bytes, int *capability)
{
    *capability = 0;
#if defined(CXG_HIP)
    /* hipDeviceProp_t: behind the name, 256 bytes, the architecture lies where the version of HIP has it */
    char properties[8192] = "";
    cxg_result (*ask)(void *, int);
    snprintf(text, bytes, "unknown architecture");
    if (!find("hipGetDeviceProperties", &ask) || ask(properties, device) != 0)
        return;
    for (size_t i = 256; i + 3 < sizeof properties; i++)
        if (memcmp(properties + i, "gfx", 3) == 0) {
            snprintf(text, bytes, "%.*s", 64, properties + i);
            return;
        }
#else
    int major = 0, minor = 0;
    cxg.device_attribute(&major, CXG_MAJOR, device);
    cxg.device_attribute(&minor, CXG_MINOR, device);
    snprintf(text, bytes, "compute capability %d.%d", major, minor);
    *capability = major * 10 + minor;
#endif
}

void cxg_driver_version(char *text, size_t bytes)
{
    int version = 0;
    cxg.driver_version(&version);
#if defined(CXG_HIP)
    snprintf(text, bytes, "HIP %d.%d", version / 10000000, version % 10000000 / 100000);
#else
    snprintf(text, bytes, "CUDA %d.%d", version / 1000, version % 1000 / 10);
#endif
}
