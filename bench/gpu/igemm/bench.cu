/*
 * Times the kernels that generate.py wrote, after checking their bytes: all against a plain kernel on the device, and 512
 * results of each layer against the CPU. Every kernel runs in a CUDA graph of 20 launches.
 *
 * usage: bench [csv file]     exit code 1 if a byte differs or a call fails
 */
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cuda_runtime.h>
#include <map>
#include <string>
#include <vector>

#include "cxg_common.cuh"
#include "places.h"

struct Layer {
  const char *name;
  int batch, c, o, in, out, k, stride, pad, weight_rows, weight_bytes, count;
};
struct Variant {
  const void *kernel;
  int layer;
  const char *name;
  int blocks, splits, threads, shared;
};
#include "table.h"

#define CHECK(call)                                                                         \
  do {                                                                                      \
    cudaError_t error_ = (call);                                                            \
    if (error_ != cudaSuccess) {                                                            \
      fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #call, cudaGetErrorString(error_)); \
      exit(1);                                                                              \
    }                                                                                       \
  } while (0)

static constexpr int ZERO = 3, LAUNCHES = 20;
static constexpr int8_t PAD_VALUE = -7;

/* One result, as the definition has it. */
__host__ __device__ int reference(const Layer &l, const uint8_t *m, int index) {
  const int ch = index % l.o, pixel = index / l.o, ox = pixel % l.out, oy = pixel / l.out % l.out, n = pixel / l.out / l.out;
  uint32_t sum = 0;
  for (int ky = 0; ky < l.k; ky++)
    for (int kx = 0; kx < l.k; kx++) {
      const int iy = oy * l.stride - l.pad + ky, ix = ox * l.stride - l.pad + kx;
      const bool inside = iy >= 0 && iy < l.in && ix >= 0 && ix < l.in;
      const int8_t *x = (const int8_t *)m + PLACE_X + (size_t)((n * l.in + iy) * l.in + ix) * l.c;
      const int8_t *w = (const int8_t *)m + PLACE_W + (size_t)ch * l.weight_bytes + (ky * l.k + kx) * l.c;
      for (int c = 0; c < l.c; c++) sum += (uint32_t)((inside ? x[c] : PAD_VALUE) * w[c]);
    }
  const int *entry = (const int *)(m + PLACE_TABLE) + 3 * ch;
  const int64_t x = (int32_t)(sum + (uint32_t)entry[0]);
  const int64_t v = ((x * entry[1] + ((int64_t)1 << (entry[2] - 1))) >> entry[2]) + ZERO;
  return (int)(v < -128 ? -128 : v > 127 ? 127 : v);
}

__global__ void plain(Layer l, const uint8_t *m, int8_t *y, int total) {
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < total; i += gridDim.x * blockDim.x) y[i] = (int8_t)reference(l, m, i);
}
__global__ void compare(const int8_t *a, const int8_t *b, int total, int *bad) {
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < total; i += gridDim.x * blockDim.x)
    if (a[i] != b[i]) atomicAdd(bad, 1);
}

static uint32_t seed = 12345;
static uint32_t next() { return (seed = seed * 1664525u + 1013904223u) >> 8; }

/* Random bytes, a third of them at the ends of the range. */
static void fill(const Layer &l, std::vector<uint8_t> &m) {
  auto byte = [](bool weight) { return (uint8_t)(next() % 3 == 0 ? (next() & 1 ? 127 : weight ? -127 : -128) : next()); };
  const size_t image = (size_t)l.batch * l.in * l.in * l.c;
  for (size_t i = 0; i < image; i++) m[PLACE_X + i] = byte(false);
  for (int r = 0; r < l.weight_rows; r++)
    for (int k = 0; k < l.weight_bytes; k++) m[PLACE_W + (size_t)r * l.weight_bytes + k] = r < l.o && k < l.k * l.k * l.c ? byte(true) : 0;
  for (int c = 0; c < l.o; c++) {
    int *entry = (int *)(m.data() + PLACE_TABLE) + 3 * c;
    entry[0] = (int)(next() % 20001) - 10000, entry[1] = 16384 + next() % 16384, entry[2] = 24 + next() % 8;
  }
}

struct Timer {
  cudaStream_t stream;
  cudaEvent_t start, stop;
};

static double time_of(const Timer &t, const Variant &v, uint8_t *arena) {
  cx_env env = {arena, arena};
  void *args[] = {&env};
  cudaGraph_t graph;
  cudaGraphExec_t exec;
  CHECK(cudaStreamBeginCapture(t.stream, cudaStreamCaptureModeGlobal));
  for (int i = 0; i < LAUNCHES; i++)
    CHECK(cudaLaunchKernel(v.kernel, dim3(v.blocks, 1, v.splits), dim3(v.threads), args, v.shared, t.stream));
  CHECK(cudaStreamEndCapture(t.stream, &graph));
  CHECK(cudaGraphInstantiate(&exec, graph, 0));
  std::vector<float> times;
  for (int i = 0; i < 7; i++) {
    float ms;
    CHECK(cudaEventRecord(t.start, t.stream));
    CHECK(cudaGraphLaunch(exec, t.stream));
    CHECK(cudaEventRecord(t.stop, t.stream));
    CHECK(cudaEventSynchronize(t.stop));
    CHECK(cudaEventElapsedTime(&ms, t.start, t.stop));
    times.push_back(ms);
  }
  CHECK(cudaGraphExecDestroy(exec));
  CHECK(cudaGraphDestroy(graph));
  std::sort(times.begin(), times.end());
  return times[3] * 1e3 / LAUNCHES;
}

struct Measured {
  const Variant *variant;
  double us;
};

int main(int argc, char **argv) {
  cudaDeviceProp p;
  CHECK(cudaGetDeviceProperties(&p, 0));
  printf("%s, sm_%d%d, %d multiprocessors, %zu bytes of shared memory a block\n", p.name, p.major, p.minor, p.multiProcessorCount, p.sharedMemPerBlockOptin);
  FILE *csv = argc > 1 ? fopen(argv[1], "w") : nullptr;
  if (csv) fprintf(csv, "layer,batch,variant,blocks,splits,us,tops,bad\n");
  Timer timer;
  CHECK(cudaStreamCreate(&timer.stream));
  CHECK(cudaEventCreate(&timer.start));
  CHECK(cudaEventCreate(&timer.stop));
  uint8_t *arena;
  int8_t *expected;
  int *bad;
  CHECK(cudaMalloc(&arena, ARENA_BYTES));
  CHECK(cudaMalloc(&expected, 1 << 28));
  CHECK(cudaMalloc(&bad, 4));
  std::vector<uint8_t> host(ARENA_BYTES / 2);
  const int layers = sizeof(LAYERS) / sizeof(LAYERS[0]), variants = sizeof(VARIANTS) / sizeof(VARIANTS[0]);
  int wrong = 0;
  std::map<int, double> total;
  for (int i = 0; i < layers; i++) {
    const Layer &l = LAYERS[i];
    fill(l, host);
    const int results = l.batch * l.out * l.out * l.o;
    CHECK(cudaMemset(arena, 0, ARENA_BYTES));
    CHECK(cudaMemcpy(arena, host.data(), PLACE_X + (size_t)l.batch * l.in * l.in * l.c, cudaMemcpyHostToDevice));
    plain<<<4096, 256>>>(l, arena, expected, results);
    CHECK(cudaDeviceSynchronize());
    for (int s = 0; s < 512; s++) {
      const int at = (int)(((uint64_t)next() * 4099 + s) % results);
      int8_t y;
      CHECK(cudaMemcpy(&y, expected + at, 1, cudaMemcpyDeviceToHost));
      if (y != reference(l, host.data(), at)) wrong++, printf("%s: the plain kernel differs from the CPU at %d\n", l.name, at);
    }
    std::vector<Measured> measured;
    const double ops = 2.0 * results * l.k * l.k * (l.c == 4 ? 3 : l.c);
    for (int j = 0; j < variants; j++) {
      const Variant &v = VARIANTS[j];
      if (v.layer != i) continue;
      CHECK(cudaFuncSetAttribute(v.kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, v.shared));
      CHECK(cudaMemset(arena + PLACE_Y, 0x5a, results));
      CHECK(cudaMemset(bad, 0, 4));
      cx_env env = {arena, arena};
      void *args[] = {&env};
      int count = 0;
      /* twice: the second run finds what the first left in the workspace */
      for (int run = 0; run < 2; run++) {
        CHECK(cudaMemset(arena + PLACE_Y, 0x5a, results));
        CHECK(cudaLaunchKernel(v.kernel, dim3(v.blocks, 1, v.splits), dim3(v.threads), args, v.shared, 0));
        compare<<<1024, 256>>>((const int8_t *)arena + PLACE_Y, expected, results, bad);
      }
      CHECK(cudaMemcpy(&count, bad, 4, cudaMemcpyDeviceToHost));
      CHECK(cudaDeviceSynchronize());
      const double us = time_of(timer, v, arena);
      if (count) wrong++, printf("%s b%d %s z%d: %d bytes differ\n", l.name, l.batch, v.name, v.splits, count);
      else measured.push_back({&v, us});
      if (csv) fprintf(csv, "%s,%d,%s,%d,%d,%.3f,%.1f,%d\n", l.name, l.batch, v.name, v.blocks, v.splits, us, ops / us * 1e-6, count);
    }
    std::sort(measured.begin(), measured.end(), [](const Measured &a, const Measured &b) { return a.us < b.us; });
    printf("%-9s b%-2d", l.name, l.batch);
    for (size_t k = 0; k < measured.size() && k < 3; k++)
      printf(" | %6.2f us %4.0f T %s z%d", measured[k].us, ops / measured[k].us * 1e-6, measured[k].variant->name, measured[k].variant->splits);
    printf("\n");
    if (!measured.empty() && l.name[0] != 'v' && l.name[0] != '3') total[l.batch] += l.count * measured[0].us;
  }
  for (const auto &[batch, us] : total) printf("all matrix products of ResNet-50, batch %d: %.1f us\n", batch, us);
  if (csv) fclose(csv);
  printf(wrong ? "%d WRONG\n" : "all bytes equal\n", wrong);
  return wrong ? 1 : 0;
}
