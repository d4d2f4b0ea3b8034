// What a list of commands means, one after another, written from docs/fpga-core.md and the ops of src/ir (rescale, add_rescale, table).
#pragma once
#include <algorithm>
#include <cstring>
#include "commands.h"

struct Golden {
  int bits, accumulator, scratch_beats;
  std::vector<uint8_t> &memory;
  std::vector<int8_t> scratch, weights;  // weights: entry, lane, input
  std::vector<uint8_t> parameters, tables;
  Command addend;
  int64_t held[16] = {};

  Golden(std::vector<uint8_t> &m, int bits_, int accumulator_, int sp, int wb, int pb)
      : bits(bits_), accumulator(accumulator_), scratch_beats(sp), memory(m), scratch(16 * sp), weights(256 * wb), parameters(16 * pb), tables(2048) {}

  static int64_t floor_shift(int64_t v, int s) { return v >> s; }
  static int64_t rshr(int64_t v, int s) { return floor_shift(v + (int64_t(1) << (s - 1)), s); }
  static int32_t wrap(int64_t v) { return int32_t(uint32_t(uint64_t(v))); }
  /** What an accumulator holds of a sum. */
  int64_t kept(int64_t v) const { return int64_t(uint64_t(v) << (64 - accumulator)) >> (64 - accumulator); }
  int narrow(int v) const { return int(uint32_t(v) << (32 - bits)) >> (32 - bits); }
  static int beat_address(long v) { return v & 0xffff; }

  void run(const Command &c) {
    if (c.op == "load") transfer(c, true);
    else if (c.op == "store") transfer(c, false);
    else if (c.op == "addend") addend = c;
    else compute(c);
  }

  void transfer(const Command &c, bool load) {
    for (long p = 0; p < c["planes"]; p++)
      for (long r = 0; r < c["rows"]; r++)
        for (long b = 0; b < c["beats"]; b++) {
          uint8_t *m = &memory.at(uint32_t(c["memory"] + p * c["memory_plane"] + r * c["memory_row"] + 16 * b));
          int at = beat_address(c["chip"] + p * c["chip_plane"] + r * c["chip_row"] + b * c["chip_beat"]);
          if (!load) { std::memcpy(m, &scratch.at(16 * at), 16); continue; }
          switch (c["target"]) {
            case 0: std::memcpy(&scratch.at(16 * at), m, 16); break;
            case 1:
              for (int i = 0; i < 16; i++)
                weights.at(256 * (at / 16) + (c["transpose"] ? 16 * i + at % 16 : 16 * (at % 16) + i)) = m[i];
              break;
            case 2: std::memcpy(&parameters.at(16 * at), m, 16); break;
            default: std::memcpy(&tables.at(16 * at), m, 16);
          }
        }
  }

  void compute(const Command &c) {
    for (long b = 0; b < c["blocks"]; b++)
      for (long y = 0; y < c["rows"]; y++)
        for (long x = 0; x < c["columns"]; x++) {
          int64_t sum[16];
          for (int l = 0; l < 16; l++) sum[l] = c["resume"] ? held[l] : 0;
          taps(c, b, y, x, sum);
          for (int64_t &s : sum) s = kept(s);
          if (c["hold"]) std::copy(sum, sum + 16, held);
          else output(c, b, y, x, sum);
        }
  }

  void taps(const Command &c, long b, long y, long x, int64_t *sum) {
    bool fresh = !c["resume"];
    for (long ky = 0; ky < c["kernel_y"]; ky++)
      for (long kx = 0; kx < c["kernel_x"]; kx++)
        for (long ic = 0; ic < c["inputs"]; ic++) {
          long row = c["y0"] + y * c["step_y"] + ky * c["dilation_y"], column = c["x0"] + x * c["step_x"] + kx * c["dilation_x"];
          bool inside = row >= 0 && row < c["height"] && column >= 0 && column < c["width"];
          long at = c["in_base"] + b * c["in_block"] + y * c["in_y"] + x * c["in_x"] + ky * c["in_ky"] + kx * c["in_kx"] + ic * c["in_ic"];
          const int8_t *beat = inside ? &scratch.at(16 * beat_address(at)) : nullptr;
          long t = (ky * c["kernel_x"] + kx) * c["inputs"] + ic, entry = c["weight_base"] + b * c["weight_block"];
          for (int l = 0; l < 16; l++) {
            int own = beat ? beat[l] : int(c["pad"]);
            switch (c["mode"]) {
              case 0:
                for (int i = 0; i < 16; i++)
                  sum[l] += (beat ? beat[i] : int(c["pad"])) * narrow(weights.at(256 * (entry + t) + 16 * l + i));
                break;
              case 1: sum[l] += own * narrow(weights.at(256 * (entry + t / 16) + 16 * l + t % 16)); break;
              case 2: sum[l] += own; break;
              default: sum[l] = fresh ? own : std::max<int64_t>(own, sum[l]);
            }
          }
          fresh = false;
        }
  }

  void output(const Command &c, long b, long y, long x, const int64_t *sum) {
    int at = beat_address(c["out_base"] + b * c["out_block"] + y * c["out_y"] + x * c["out_x"]);
    for (int l = 0; l < 16; l++) {
      const uint8_t *p = &parameters[(8 * (16 * (c["parameter_base"] + b) + l)) % parameters.size()];
      int32_t bias;
      std::memcpy(&bias, p, 4);
      int64_t multiplier = p[4] | (p[5] & 127) << 8;
      int32_t biased = wrap(sum[l] + bias);
      int64_t v;
      if (c["result"] == 1) {
        std::memcpy(&scratch.at(16 * (at + l / 4) + 4 * (l % 4)), &biased, 4);
        continue;
      }
      if (c["result"] == 0)
        v = std::clamp<int64_t>(rshr(biased * multiplier, p[6] & 63) + c["zero"], c["lo"], c["hi"]);
      else v = int8_t(sum[l]);
      if (c["add"]) {
        const Command &a = addend;
        int other = scratch.at(16 * beat_address(a["base"] + b * a["block"] + y * a["y"] + x * a["x"]) + l);
        int64_t s = a["multiplier_a"] * (v - a["zero_a"]) + a["multiplier_b"] * (other - a["zero_b"]);
        v = std::clamp<int64_t>(rshr(s, a["shift"]) + a["zero"], a["lo"], a["hi"]);
      }
      if (c["table"]) v = int8_t(tables[256 * c["table_index"] + (v & 255)]);
      scratch.at(16 * at + l) = v;
    }
  }
};
