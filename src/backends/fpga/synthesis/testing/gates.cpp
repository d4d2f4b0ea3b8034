// Units and their netlists side by side: the same random and extreme inputs in every cycle, the same outputs, or the first that differ.
// Arguments: cycles, and units, of each of which a line is printed.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "Vpair.h"
#include "verilated.h"

static uint64_t state = 0x9e3779b97f4a7c15ULL;
static uint32_t next() {
  state ^= state >> 12;
  state ^= state << 25;
  state ^= state >> 27;
  return (uint32_t)((state * 0x2545f4914f6cdd1dULL) >> 32);
}

// One in four words is an extreme one, byte for byte.
static uint32_t word() {
  static const uint32_t EXTREMES[] = {0, 0xffffffff, 0x80808080, 0x7f7f7f7f, 0x80000000, 0x7fffffff, 0x00008000, 0x01010101};
  return (next() & 3) == 0 ? EXTREMES[next() & 7] : next();
}

int main(int argc, char **argv) {
  const int cycles = argc > 1 ? atoi(argv[1]) : 20000;
  const int units = argc > 2 ? atoi(argv[2]) : 1;
  VerilatedContext context;
  Vpair pair{&context};
  int wrong[32] = {};
  for (int i = 0; i < cycles; i++) {
    for (int w = 0; w < 32; w++) pair.in[w] = word();
    pair.clk = 0;
    pair.eval();
    pair.clk = 1;
    pair.eval();
    // registers without a reset differ until they are written
    for (int u = 0; u < units; u++)
      if (i > 16 && wrong[u] == 0 && (pair.differ >> u & 1)) wrong[u] = i;
  }
  for (int u = 0; u < units; u++) {
    if (wrong[u] != 0) printf("cycle %d differs\n", wrong[u]);
    else printf("%d cycles equal\n", cycles);
  }
  return 0;
}
