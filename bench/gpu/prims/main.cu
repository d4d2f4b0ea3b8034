/*
 * Runs each primitive on random and on extreme bytes and writes what comes out: on a GPU when nvcc compiles it, on the CPU when
 * g++ does with -DCXG_SHIM. Both write the same file if the primitives mean the same.
 *   prims OUT   a line a case: name, pattern, and the output in hexadecimal as far as the kernel wrote it
 * Exit status 1: a launch failed. The shim runs each case in every order and timing and stops when these differ.
 */
#include <stdio.h>
#include <stdlib.h>

#include <vector>

#include "wgmma.cuh"

struct prim {
  const char *name;
  void (*kernel)(cx_env);
  uint32_t blocks, threads, shared;
  /** Compute capability, tenfold. */
  int needs;
};

#define CASE(name, ...) {#name, prim_##name, __VA_ARGS__}
static const prim CASES[] = {
    CASE(scalar, 16, 256, 0, 75),
    CASE(mma, 8, 128, 0, 75),
    CASE(ldmatrix, 4, 64, 4096, 75),
    CASE(cp_async4, 4, 128, 1024, 75),
    CASE(cp_async8, 4, 128, 2048, 75),
    CASE(cp_async16, 4, 128, 4096, 75),
    CASE(shuffle, 8, 128, 0, 75),
    CASE(atomic, 32, 256, 32, 75),
    CASE(sync, 8, 256, 1024, 75),
#if defined(CXG_SHIM) || defined(PRIMS_WGMMA)
    CASE(wgmma8, 1, 128, WGMMA_SHARED, 90),
    CASE(wgmma16, 1, 128, WGMMA_SHARED, 90),
    CASE(wgmma32, 1, 128, WGMMA_SHARED, 90),
    CASE(wgmma64, 1, 128, WGMMA_SHARED, 90),
    CASE(wgmma96, 1, 128, WGMMA_SHARED, 90),
    CASE(wgmma128, 1, 128, WGMMA_SHARED, 90),
    CASE(wgmma192, 1, 128, WGMMA_SHARED, 90),
    CASE(wgmma256, 1, 128, WGMMA_SHARED, 90),
    CASE(wgmma_none, 1, 128, WGMMA_SHARED, 90),
    CASE(wgmma_apart, 1, 128, WGMMA_SHARED, 90),
    CASE(wgmma_swizzle32, 1, 128, WGMMA_SHARED, 90),
    CASE(wgmma_swizzle64, 1, 128, WGMMA_SHARED, 90),
    CASE(wgmma_stride, 1, 128, WGMMA_SHARED, 90),
    CASE(wgmma_groups, 1, 256, WGMMA_SHARED, 90),
#endif
};

static uint32_t random_word(uint64_t *state) {
  *state = *state * 6364136223846793005ull + 1442695040888963407ull;
  return uint32_t(*state >> 32);
}

/** Patterns: bytes at random, extremes and their neighbours at random, all -128, all -1, all 127 against -128, ascending. */
constexpr int PATTERNS = 6;
static const char *const PATTERN_NAMES[PATTERNS] = {"random", "extreme", "min", "ones", "max-min", "ascending"};
static void fill(uint8_t *bytes, int pattern) {
  static const uint8_t EXTREMES[8] = {0x80, 0x7f, 0x00, 0xff, 0x81, 0x01, 0x80, 0x7f};
  uint64_t state = 12345;
  for (uint32_t i = 0; i < MEMORY; i++) {
    const uint32_t r = random_word(&state);
    const uint8_t of[PATTERNS] = {uint8_t(r), EXTREMES[r % 8], 0x80, 0xff, uint8_t(r & 1 ? 0x7f : 0x80), uint8_t(i * 7 + i / 256)};
    bytes[i] = i < INPUT ? of[pattern] : 0;
  }
}

#if defined(CXG_SHIM)
static const char *device_name() { return "the shim"; }
static bool run(const prim &p, std::vector<uint8_t> &memory) {
  const std::vector<uint8_t> before = memory;
  for (int variant = 0; variant < 6; variant++) {
    alignas(64) static uint8_t copy[MEMORY];
    memcpy(copy, before.data(), MEMORY);
    char message[512];
    cxg_launch l = {p.name, p.kernel, {copy, copy}, {p.blocks, 1, 1}, {p.threads, 1, 1}, p.shared, cxg_order(variant % 3), cxg_timing(variant / 3), 7};
    if (cxg_shim_launch(&l, message, sizeof message) != CXG_OK) {
      fprintf(stderr, "%s\n", message);
      return false;
    }
    if (variant > 0 && memcmp(copy, memory.data(), MEMORY) != 0) {
      fprintf(stderr, "%s: order %d, timing %d gives other bytes\n", p.name, variant % 3, variant / 3);
      return false;
    }
    memory.assign(copy, copy + MEMORY);
  }
  return true;
}
#else
static const char *device_name() {
  static cudaDeviceProp properties;
  return cudaGetDeviceProperties(&properties, 0) == cudaSuccess ? properties.name : "no device";
}
static bool run(const prim &p, std::vector<uint8_t> &memory) {
  static uint8_t *device;
  cudaError_t error = device != nullptr ? cudaSuccess : cudaMalloc(reinterpret_cast<void **>(&device), MEMORY);
  cx_env env = {device, device};
  void *arguments[] = {&env};
  if (error == cudaSuccess) error = cudaMemcpy(device, memory.data(), MEMORY, cudaMemcpyHostToDevice);
  if (error == cudaSuccess && p.shared > 48 << 10)
    error = cudaFuncSetAttribute(reinterpret_cast<const void *>(p.kernel), cudaFuncAttributeMaxDynamicSharedMemorySize, int(p.shared));
  if (error == cudaSuccess) error = cudaLaunchKernel(reinterpret_cast<const void *>(p.kernel), dim3(p.blocks), dim3(p.threads), arguments, p.shared, nullptr);
  if (error == cudaSuccess) error = cudaDeviceSynchronize();
  if (error == cudaSuccess) error = cudaMemcpy(memory.data(), device, MEMORY, cudaMemcpyDeviceToHost);
  if (error != cudaSuccess) fprintf(stderr, "%s: %s\n", p.name, cudaGetErrorString(error));
  return error == cudaSuccess;
}
#endif

int main(int argc, char **argv) {
  FILE *out = argc == 2 ? fopen(argv[1], "w") : nullptr;
  if (out == nullptr) return fprintf(stderr, "usage: prims OUT\n"), 2;
  fprintf(out, "on %s\n", device_name());
  int failed = 0;
  for (const prim &p : CASES) {
    for (int pattern = 0; pattern < PATTERNS; pattern++) {
      std::vector<uint8_t> memory(MEMORY);
      fill(memory.data(), pattern);
      if (!run(p, memory)) {
        failed++;
        break;
      }
      size_t end = MEMORY;
      while (end > INPUT && memory[end - 1] == 0) end--;
      fprintf(out, "%s %s ", p.name, PATTERN_NAMES[pattern]);
      for (size_t i = INPUT; i < end; i++) fprintf(out, "%02x", memory[i]);
      fprintf(out, "\n");
    }
  }
  return fclose(out) != 0 || failed > 0;
}
