/* Modules and launches of the fake driver. A module is a shared object built with the shim. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#if defined(__linux__)
#include <elf.h>
#include <sys/mman.h>
#endif

#include <map>
#include <set>

#include "cxg_fake.h"

typedef cxg_result launch_function(const cxg_launch *, char *, size_t);

struct fake_module {
  void *library;
  launch_function *launch;
  /** The file that it was loaded from, or -1: the loader knows libraries by path, and an open file keeps its path for itself. */
  int file;
};

struct fake_function {
  fake_module *module;
  std::string name;
  void (*kernel)(cx_env);
  uint32_t dynamic_shared;
};

namespace {

std::set<fake_module *> modules;
std::map<std::pair<fake_module *, std::string>, fake_function *> functions;
uint64_t loads, launches;

constexpr int EM_CUDA_MACHINE = 190;
constexpr uint32_t SHARED_WITHOUT_ASKING = 48 << 10;

bool known(const fake_function *function) {
  for (const auto &[key, f] : functions)
    if (f == function) return true;
  return false;
}

/** Writes the bytes of a shared object, which says itself how long it is, where the loader can read them. */
void *open_bytes(const void *image, int *kept, CUresult *result) {
#if defined(__linux__)
  Elf64_Ehdr header;
  memcpy(&header, image, sizeof header);
  *result = NO_BINARY_FOR_GPU;
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_machine == EM_CUDA_MACHINE) return nullptr;
  *result = INVALID_IMAGE;
  const size_t size = size_t(header.e_shoff) + size_t(header.e_shnum) * header.e_shentsize;
  const int file = memfd_create("cxg-module", 0);
  if (file < 0) return nullptr;
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", file);
  void *library = write(file, image, size) == ssize_t(size) ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : nullptr;
  if (library == nullptr) close(file);
  else *kept = file;
  return library;
#else
  (void)image;
  (void)kept;
  *result = INVALID_IMAGE;
  return nullptr;
#endif
}

CUresult open_module(fake_module **module, const void *image) {
  const char *text = static_cast<const char *>(image);
  if (fake.image_at != 0 && ++loads == fake.image_at) return INVALID_IMAGE;
  CUresult result = INVALID_IMAGE;
  void *library = nullptr;
  int file = -1;
  if (text[0] == '/') library = dlopen(text, RTLD_NOW | RTLD_LOCAL);
  else if (memcmp(text, "\177ELF", 4) == 0) library = open_bytes(image, &file, &result);
  if (library == nullptr) return result;
  launch_function *launch = reinterpret_cast<launch_function *>(dlsym(library, "cxg_shim_launch"));
  if (launch == nullptr) {
    dlclose(library);
    if (file >= 0) close(file);
    return INVALID_IMAGE;
  }
  modules.insert(*module = new fake_module{library, launch, file});
  return SUCCESS;
}

void forget_module(fake_module *module) {
  for (auto f = functions.begin(); f != functions.end();) {
    if (f->second->module != module) {
      ++f;
      continue;
    }
    delete f->second;
    f = functions.erase(f);
  }
  dlclose(module->library);
  if (module->file >= 0) close(module->file);
  delete module;
}

CUresult run(const fake_function &f, cxg_launch launch) {
  launches++;
  if (launches == fake.hang_at) return HUNG;
  if (launches == fake.crash_at) abort();
  char message[1024] = "";
  const CUresult result = f.module->launch(&launch, message, sizeof message);
  if (launches == fake.corrupt_at)
    for (size_t i = 0, size = fake_device_rest(launch.env.m); i < size; i += 4096) launch.env.m[i] ^= 1;
  const CUresult reported = launches == fake.fail_at ? ILLEGAL_ADDRESS : result;
  if (reported != SUCCESS) fake_message = launches == fake.fail_at ? "CXG_FAKE_FAIL_AT" : message;
  return reported;
}

}  // namespace

void fake_forget_modules() {
  for (fake_module *m : modules) forget_module(m);
  modules.clear();
}
void fake_forget_launches() { launches = loads = 0; }

FAKE_API CUresult cuModuleLoadData(fake_module **module, const void *image) {
  FAKE_ENTER();
  return open_module(module, image);
}
FAKE_API CUresult cuModuleLoadDataEx(fake_module **module, const void *image, unsigned, int *, void **) {
  return cuModuleLoadData(module, image);
}
FAKE_API CUresult cuModuleLoad(fake_module **module, const char *path) {
  FAKE_ENTER();
  const std::string absolute = std::string(path[0] == '/' ? "" : "/proc/self/cwd/") + path;
  return open_module(module, absolute.c_str());
}
FAKE_API CUresult cuModuleUnload(fake_module *module) {
  FAKE_ENTER();
  if (modules.count(module) == 0) return INVALID_HANDLE;
  const CUresult result = fake_drain(nullptr);
  modules.erase(module);
  forget_module(module);
  return result;
}
FAKE_API CUresult cuModuleGetFunction(fake_function **function, fake_module *module, const char *name) {
  FAKE_ENTER();
  if (modules.count(module) == 0) return INVALID_HANDLE;
  fake_function *&f = functions[{module, name}];
  if (f == nullptr) {
    void *kernel = dlsym(module->library, name);
    if (kernel == nullptr) {
      functions.erase({module, name});
      return NOT_FOUND;
    }
    f = new fake_function{module, name, reinterpret_cast<void (*)(cx_env)>(kernel), SHARED_WITHOUT_ASKING};
  }
  *function = f;
  return SUCCESS;
}
/** CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES (8) counts, others are taken and do nothing. */
FAKE_API CUresult cuFuncSetAttribute(fake_function *function, int attribute, int value) {
  FAKE_ENTER();
  if (!known(function)) return INVALID_HANDLE;
  if (attribute != 8) return SUCCESS;
  if (value < 0 || value > 227 << 10) return INVALID_VALUE;
  function->dynamic_shared = uint32_t(value);
  return SUCCESS;
}
FAKE_API CUresult cuLaunchKernel(fake_function *function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x, unsigned block_y,
                                 unsigned block_z, unsigned shared_bytes, fake_stream *stream, void **parameters, void **) {
  FAKE_ENTER();
  if (!known(function)) return INVALID_HANDLE;
  const bool empty = grid_x == 0 || grid_y == 0 || grid_z == 0 || block_x == 0 || block_y == 0 || block_z == 0;
  const bool large = grid_y > 65535 || grid_z > 65535 || uint64_t(block_x) * block_y * block_z > 1024 || block_z > 64;
  if (parameters == nullptr || empty || large || shared_bytes > function->dynamic_shared) return INVALID_VALUE;
  cxg_launch launch = {};
  launch.name = function->name.c_str();
  launch.kernel = function->kernel;
  memcpy(&launch.env, parameters[0], sizeof launch.env);
  const uint32_t grid[3] = {grid_x, grid_y, grid_z}, block[3] = {block_x, block_y, block_z};
  memcpy(launch.grid, grid, sizeof grid);
  memcpy(launch.block, block, sizeof block);
  launch.shared_bytes = shared_bytes;
  launch.order = cxg_order(fake.order);
  launch.timing = cxg_timing(fake.timing);
  launch.seed = fake.seed;
  return fake_submit(stream, [=] { return run(*function, launch); });
}
