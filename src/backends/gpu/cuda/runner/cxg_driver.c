/*
 * Loads the driver library.
 */
#include "cxg_driver.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

cxg_driver cxg;

static const struct {
    const char *member, *name;
    size_t offset;
} functions[] = {
#define CXG_ENTRY(member, name, arguments) {#member, name, offsetof(cxg_driver, member)},
    CXG_FUNCTIONS(CXG_ENTRY)
#undef CXG_ENTRY
};

int cxg_driver_open(const char *library)
{
    const char *named = library != NULL ? library : getenv("CORTEXC_CUDA_DRIVER");
    const char *path = named != NULL && named[0] != '\0' ? named : "libcuda.so.1";
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL) {
        fprintf(stderr, "error: no driver of CUDA: %s\nremedy: install NVIDIA's driver, or run the program without a GPU: make shim\n", dlerror());
        return 1;
    }
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        void *found = dlsym(handle, functions[i].name);
        if (found == NULL) {
            fprintf(stderr, "error: %s has no %s\nremedy: install a driver of CUDA 12 or newer\n", path, functions[i].name);
            return 1;
        }
        /* ISO C has no cast from an object pointer to a function pointer; POSIX promises the representation */
        memcpy((char *)&cxg + functions[i].offset, &found, sizeof found);
    }
    return 0;
}

int cxg_driver_failed(const char *call, cxg_result result)
{
    const char *name = NULL, *text = NULL, *full = call;
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++)
        if (strcmp(functions[i].member, call) == 0)
            full = functions[i].name;
    if (cxg.error_name != NULL) {
        cxg.error_name(result, &name);
        cxg.error_text(result, &text);
    }
    fprintf(stderr, "error: %s gives %d (%s: %s)\n", full, result, name != NULL ? name : "unknown", text != NULL ? text : "no text");
    return 1;
}
