// Random lists of commands that overlap as far as their data allow. A job loads, computes and stores in a quarter of each memory; it waits
// for the job that had the quarter before, so four jobs are on their way at once.
#pragma once
#include <random>
#include "commands.h"

struct Sizes { int bits, scratch, weights, parameters; };

class Jobs {
 public:
  std::vector<Command> list;
  std::vector<uint8_t> memory;

  Jobs(uint32_t seed, Sizes s) : sizes(s), random(seed), memory_end(1 << 20) {
    memory.resize(memory_end);
    // all activations are known at first: stores also move beats between results
    add({"compute", {{"mode", 3}, {"result", 2}, {"out_x", 1}, {"blocks", 1}, {"rows", 1}, {"columns", sizes.scratch}, {"inputs", 1}, {"kernel_y", 1},
                     {"kernel_x", 1}, {"pad", 33}}}, {});
  }

  int below(int n) { return int(random() % uint32_t(n)); }
  int between(int lo, int hi) { return lo + below(hi - lo + 1); }
  bool chance(int percent) { return below(100) < percent; }

  void job() {
    zone = count % 4;
    waits = count >= 4 ? ends[zone] : Waits{0, 1, 0};
    while (!attempt(4, 1)) {}
    ends[zone] = done;
    count++;
  }

  /** One with all of the memories, after all others. */
  void large_job() {
    zone = 0;
    waits = done;
    while (!attempt(1, 3)) {}
  }

  /** A load whose bank takes results all the time, so that its queue is full for long; after all others. */
  void blocked_load() {
    waits = done;
    const long beats = 300, chip = 64;
    add({"compute", {{"mode", 3}, {"result", 2}, {"blocks", 1}, {"rows", 1}, {"columns", 4000}, {"inputs", 1}, {"kernel_y", 1}, {"kernel_x", 1}, {"pad", 5}}}, waits);
    transfer("load", 0, 1, 1, beats, chip, 0, 0, 1, 8, waits);
    uint32_t at = list.back()["memory"];
    for (long i = 0; i < 16 * beats; i++) memory[at + i] = random();
    transfer("store", 0, 1, 1, beats, chip, 0, 0, 1, 8, done);
  }

  uint32_t allocate(long bytes) {
    uint32_t at = memory.size();
    memory.resize(at + (bytes + 15) / 16 * 16);
    return at;
  }

 private:
  struct Waits { long load = 0, compute = 0, store = 0; };
  Sizes sizes;
  std::mt19937 random;
  size_t memory_end;
  int count = 0, zone = 0;
  Waits done, waits, ends[4];

  int extreme() {
    static const int values[] = {-128, 127, 0, -1, 1};
    return values[below(5)];
  }

  /** Bytes by one of several patterns: random, or all of one value, or two extremes mixed. */
  void fill(uint32_t at, long bytes, int bits) {
    int kind = below(6), value = extreme();
    int least = -(1 << (bits - 1)), most = -least - 1;
    for (long i = 0; i < bytes; i++) {
      int v = kind < 3 ? int8_t(random()) : kind == 3 ? least : kind == 4 ? (chance(50) ? least : most) : value;
      memory[at + i] = uint8_t(v);
    }
  }

  void add(Command c, Waits w) {
    c.fields["wait_load"] = w.load;
    c.fields["wait_compute"] = w.compute;
    c.fields["wait_store"] = w.store;
    (c.op == "load" ? done.load : c.op == "store" ? done.store : done.compute)++;
    list.push_back(c);
  }

  /** Moves planes x rows x beats that are dense, or not, in memory; chip strides are given. */
  void transfer(const std::string &op, int target, long planes, long rows, long beats, long chip, long plane, long row, long beat, int bits, Waits w,
                bool transpose = false) {
    long memory_row = 16 * (beats + (chance(30) ? between(1, 3) : 0)), memory_plane = memory_row * rows + 16 * (chance(30) ? between(1, 5) : 0);
    uint32_t at = allocate(memory_plane * planes);
    if (op == "load") fill(at, memory_plane * planes, bits);
    Command c{op, {{"memory", long(at)}, {"memory_row", memory_row}, {"memory_plane", memory_plane}, {"planes", planes}, {"rows", rows},
                   {"beats", beats}, {"chip", chip}, {"chip_plane", plane}, {"chip_row", row}, {"chip_beat", beat}}};
    if (op == "load") c.fields["target"] = target, c.fields["transpose"] = transpose;
    add(c, w);
  }

  void parameters(long base, long blocks) {
    transfer("load", 2, 1, 1, 8 * blocks, 8 * base, 0, 0, 1, 8, waits);
    uint32_t at = list.back()["memory"];
    int kind = below(4);
    for (long i = 0; i < 16 * blocks; i++) {
      int32_t bias = kind == 0 ? 0 : kind == 1 ? int32_t(random()) : kind == 2 ? between(-100000, 100000) : (chance(50) ? INT32_MAX : INT32_MIN);
      int m = chance(10) ? 0 : chance(20) ? 32767 : chance(30) ? 16384 : between(0, 32767);
      // half of the shifts give results that are not all clamped, 15 with 16384 gives ties
      int s = chance(20) ? 15 : chance(50) ? between(18, 26) : between(1, 47);
      uint8_t *p = &memory[at + 8 * i];
      for (int b = 0; b < 4; b++) p[b] = uint32_t(bias) >> 8 * b;
      p[4] = m & 255, p[5] = m >> 8, p[6] = s, p[7] = 0;
    }
  }

  /** A job in one of `parts` parts of the memories, of sizes up to `scale` times the usual ones; false where it does not fit. */
  bool attempt(int parts, int scale) {
    const long scratch = sizes.scratch / parts, weights = sizes.weights / parts, blocks_most = std::min(4 * scale, sizes.parameters / 8 / parts);
    const long in = zone * scratch, other = in + scratch * 3 / 8, out = in + scratch / 2, first_entry = zone * weights, first_parameter = zone * (sizes.parameters / 8 / parts);
    const bool small = scale == 1 && chance(15);
    const int mode = below(4), result = below(3), channels = between(1, 3 * scale);
    const long height = small ? 1 : between(scale, 10 * scale), width = small ? 1 : between(scale, 10 * scale);
    const long pixel = channels + (chance(20) ? 1 : 0), row = width * pixel + (chance(20) ? between(1, 3) : 0);
    const long inputs = mode == 0 ? between(1, channels) : chance(10) ? channels : 1;
    const long blocks = small ? 1 : std::min<long>(blocks_most, mode == 0 ? between(1, 3 * scale) : between(1, channels - inputs + 1));
    const long kernel_y = small ? 1 : between(1, 3 + scale), kernel_x = small ? 1 : between(1, 3 + scale), taps = kernel_y * kernel_x * inputs;
    const long step_y = between(1, 3), step_x = between(1, 3), dilation_y = between(1, 2), dilation_x = between(1, 2);
    const long rows = small ? 1 : between(1, 8 * scale), columns = small ? 1 : between(1, 8 * scale);
    const long y0 = small ? 0 : -between(0, 3), x0 = small ? 0 : -between(0, 3);
    const bool add_other = result != 1 && chance(40), tabled = result != 1 && chance(30);
    const long beats = result == 1 ? 4 : 1;
    const bool block_major = chance(30);
    const long out_x = (block_major ? beats : blocks * beats) + (chance(20) ? between(1, 2) : 0), out_y = columns * out_x + (chance(20) ? 1 : 0);
    const long out_block = block_major ? rows * out_y : beats, out_size = block_major ? blocks * rows * out_y : rows * out_y;
    const long entries = mode == 0 ? taps : (taps + 15) / 16;
    if (height * row > scratch * 3 / 8 || out_size > scratch / 2 || rows * columns * blocks > scratch / 8 || entries * blocks > weights ||
        taps * rows * columns * blocks > 40000 || (scale > 1 && taps * rows * columns * blocks < 4000)) return false;

    transfer("load", 0, 1, height, width * pixel, in, 0, row, 1, 8, waits);
    if (mode < 2) {
      const bool transpose = chance(30);
      if (chance(50)) transfer("load", 1, 1, 16, entries * blocks, 16 * first_entry, 0, 1, 16, sizes.bits, waits, transpose);
      else transfer("load", 1, 1, 1, 16 * entries * blocks, 16 * first_entry, 0, 0, 1, sizes.bits, waits, transpose);
    }
    if (result != 2) parameters(first_parameter, blocks);
    const int table = 2 * zone + below(2);
    if (tabled) transfer("load", 3, 1, 1, 16, 16 * table, 0, 0, 1, 8, waits);
    if (add_other) transfer("load", 0, 1, 1, rows * columns * blocks, other, 0, 0, 1, 8, waits);

    Waits ready = waits;
    ready.load = done.load;
    if (add_other) {
      long shift = between(1, 30), most = std::min<long>(1 << 21, ((1l << 31) - 1 - (1l << (shift - 1))) / 510);
      auto multiplier = [&] { return chance(20) ? most : chance(20) ? -most : long(random() % (2 * most + 1)) - most; };
      bool forward = chance(70);
      add({"addend", {{"base", forward ? other : other + rows * columns * blocks - 1}, {"block", forward ? rows * columns : -rows * columns},
                      {"y", forward ? columns : -columns}, {"x", forward ? 1 : -1}, {"multiplier_a", multiplier()}, {"multiplier_b", multiplier()},
                      {"shift", shift}, {"zero_a", between(-128, 127)}, {"zero_b", between(-128, 127)}, {"zero", between(-128, 127)},
                      {"lo", between(-128, 0)}, {"hi", between(0, 127)}}}, ready);
    }
    const long skipped = mode == 0 ? below(channels - int(inputs) + 1) : 0;
    Command c{"compute", {{"mode", mode}, {"result", result}, {"add", add_other}, {"table", tabled}, {"table_index", table},
      {"in_base", in + y0 * row + x0 * pixel + skipped}, {"in_block", mode == 0 ? 0 : 1}, {"in_y", step_y * row}, {"in_x", step_x * pixel},
      {"in_ky", dilation_y * row}, {"in_kx", dilation_x * pixel}, {"in_ic", 1}, {"out_base", out}, {"out_block", out_block}, {"out_y", out_y},
      {"out_x", out_x}, {"weight_base", first_entry}, {"weight_block", entries}, {"parameter_base", first_parameter}, {"blocks", blocks},
      {"rows", rows}, {"columns", columns}, {"inputs", inputs}, {"kernel_y", kernel_y}, {"kernel_x", kernel_x}, {"step_y", step_y},
      {"step_x", step_x}, {"dilation_y", dilation_y}, {"dilation_x", dilation_x}, {"pad", chance(50) ? extreme() : between(-128, 127)},
      {"zero", between(-128, 127)}, {"y0", y0}, {"x0", x0}, {"height", height}, {"width", width}, {"lo", between(-128, 0)},
      {"hi", between(0, 127)}}};
    if (rows * columns * blocks == 1 && chance(60)) {
      // the same sums in two commands; the first one has no output
      Command half = c;
      half.fields["hold"] = 1, half.fields["add"] = 0, half.fields["result"] = 2;
      add(half, ready);
      c.fields["resume"] = 1;
    }
    add(c, ready);
    Waits computed = waits;
    computed.compute = done.compute;
    const bool copied = chance(30) && out_size <= scratch * 3 / 8;
    if (copied) {
      // over the input, through the beats of the output in another order
      add({"compute", {{"mode", 3}, {"result", 2}, {"in_base", out}, {"in_x", 1}, {"out_base", in + out_size - 1}, {"out_x", -1}, {"blocks", 1}, {"rows", 1},
                       {"columns", out_size}, {"inputs", 1}, {"kernel_y", 1}, {"kernel_x", 1}, {"pad", 77}, {"height", chance(90)}, {"width", 1}}}, ready);
    }
    if (chance(50)) transfer("store", 0, 1, 1, out_size, out, 0, 0, 1, 8, computed);
    else transfer("store", 0, rows, columns, out_x, out, out_y, out_x, 1, 8, computed);
    computed.compute = done.compute;
    if (copied) transfer("store", 0, 1, 1, out_size, in, 0, 0, 1, 8, computed);
    return true;
  }
};
