// Runs random lists of commands on the array with a memory of random delays, and compares all of the memory with the golden meaning.
//   bench COMMANDS_VH random SEED JOBS STALLS LATENCY    STALLS: percent of cycles in which each handshake waits
//   bench COMMANDS_VH errors                             bad commands: code and place of the error
//   bench COMMANDS_VH speed                              cycles of transfers, and of simulation a second
// Parameters of the array come as macros: BITS, INPUTS, GROUPS, ACCUMULATOR, SCRATCH, WEIGHTS, PARAMETERS.
#include <chrono>
#include <deque>
#include "Vcx_array_bench.h"
#include "golden.h"
#include "jobs.h"
#include "verilated.h"

double sc_time_stamp() { return 0; }

static const Sizes SIZES{BITS, SCRATCH, WEIGHTS, PARAMETERS};
static const uint64_t LANE_GROUPS = GROUPS, TURNS = 16 / INPUTS;

class Bench {
 public:
  Vcx_array_bench top;
  std::vector<uint8_t> memory;
  uint64_t cycles = 0;
  std::vector<uint64_t> took[3];  // cycles of each command: of load, compute and store
  int stalls, latency;
  std::mt19937 random;

  Bench(int stalls_, int latency_, uint32_t seed) : stalls(stalls_), latency(latency_), random(seed) { reset(); }

  void reset() {
    top.rst = 1;
    for (int i = 0; i < 4; i++) step();
    // the memory port is left in order while units are in reset
    reads[0] = reads[1] = {};
    writes.clear();
    answers.clear();
    top.rst = 0;
    step();
  }

  void begin(uint32_t addr, uint32_t count) {
    top.start = 1;
    top.addr = addr;
    top.count = count;
    step();
    top.start = 0;
  }

  /** Until idle, an error, or too many cycles; true when idle. */
  bool run(uint32_t addr, uint32_t count, uint64_t most) {
    begin(addr, count);
    for (uint64_t i = 0; i < most; i++) {
      if (top.err_valid || top.idle) return !top.err_valid;
      step();
    }
    return false;
  }

  void step() {
    drive();
    top.clk = 0;
    top.eval();
    sample();
    top.clk = 1;
    top.eval();
    cycles++;
    for (int u = 0; u < 3; u++) {
      bool busy = top.busy >> u & 1, was = was_busy >> u & 1;
      if (busy && !was) took[u].push_back(0);
      if (busy || was) took[u].back()++;  // the cycle after it, when the next one may start, is part of a command
    }
    was_busy = top.busy;
  }

 private:
  struct Burst { uint32_t addr; int left; uint64_t ready; };
  struct Reads { std::deque<Burst> bursts; bool valid = false; } reads[2];
  std::deque<Burst> writes;
  int was_busy = 0;
  std::deque<uint64_t> answers;

  bool go() { return stalls == 0 || int(random() % 100) >= stalls; }

  void read(Reads &r, CData &valid, WData *data, CData &last) {
    valid = 0;
    if (r.bursts.empty() || r.bursts.front().ready > cycles || !go()) return;
    Burst &b = r.bursts.front();
    valid = 1;
    last = b.left == 1;
    for (int i = 0; i < 4; i++) std::memcpy(&data[i], &memory.at(b.addr + 4 * i), 4);
    b.addr += 16;
    if (--b.left == 0) r.bursts.pop_front();
  }

  void drive() {
    read(reads[0], top.c_rd_valid, top.c_rd_data, top.c_rd_last);
    read(reads[1], top.l_rd_valid, top.l_rd_data, top.l_rd_last);
    top.c_rq_ready = go();
    top.l_rq_ready = go();
    top.s_wq_ready = go();
    top.s_wd_ready = go() && !writes.empty();
    top.s_wr_done = !answers.empty() && answers.front() <= cycles && go();
    if (top.s_wr_done) answers.pop_front();
  }

  void sample() {
    if (top.c_rq_valid && top.c_rq_ready) reads[0].bursts.push_back({top.c_rq_addr, top.c_rq_len + 1, cycles + latency});
    if (top.l_rq_valid && top.l_rq_ready) reads[1].bursts.push_back({top.l_rq_addr, top.l_rq_len + 1, cycles + latency});
    if (top.s_wd_valid && top.s_wd_ready) {
      Burst &b = writes.front();
      for (int i = 0; i < 4; i++) std::memcpy(&memory.at(b.addr + 4 * i), &top.s_wd_data[i], 4);
      b.addr += 16;
      if (--b.left == 0) {
        writes.pop_front();
        answers.push_back(cycles + latency);
      }
    }
    if (top.s_wq_valid && top.s_wq_ready) writes.push_back({top.s_wq_addr, top.s_wq_len + 1, 0});
  }
};

/** Cycles of the command in the compute unit, by docs/fpga-core.md. */
static uint64_t compute_cycles(const Command &c) {
  if (c.op == "addend") return 3;
  bool direct = c["result"] == 2 && !c["add"] && !c["table"];
  uint64_t slots = c["kernel_y"] * c["kernel_x"] * c["inputs"] * (c["mode"] == 0 ? TURNS : 1) + c["add"];
  uint64_t outputs = c["blocks"] * c["rows"] * ((c["columns"] + LANE_GROUPS - 1) / LANE_GROUPS);
  uint64_t beats = (c["result"] == 1 ? 4 : 1) * LANE_GROUPS;
  bool raw = c["result"] == 1;
  uint64_t depth = c["hold"] ? 9 : raw ? 11 + beats : direct ? 10 + beats : 20 + 6 * c["add"] + c["table"];
  return (outputs - 1) * std::max<uint64_t>(slots, direct || raw ? beats : 4) + slots + depth;
}

/** The command that stored the first wrong byte, and those before it down to the one that computed it. */
static void explain(const std::vector<Command> &list, size_t at, int got, int expected) {
  size_t i = 0;
  while (i < list.size() && !(list[i].op == "store" && at >= size_t(list[i]["memory"]) && at < size_t(list[i]["memory"] + list[i]["planes"] * list[i]["memory_plane"]))) i++;
  std::printf("byte %zu of store %zu is %d, expected %d\n", i < list.size() ? at - list[i]["memory"] : at, i, got, expected);
  for (size_t k = i < 8 ? 0 : i - 8; k <= i && k < list.size(); k++) {
    std::printf("%zu %s", k, list[k].op.c_str());
    for (auto &[name, value] : list[k].fields)
      if (value != 0) std::printf(" %s=%ld", name.c_str(), value);
    std::printf("\n");
  }
}

static int random_run(const Layout &layout, uint32_t seed, int jobs, int stalls, int latency) {
  Jobs j(seed, SIZES);
  for (int i = 0; i < jobs; i++) j.job();
  j.large_job();
  j.blocked_load();
  uint32_t addr = j.allocate(64 * j.list.size() + 64) / 64 * 64 + 64;
  j.memory.resize(addr + 64 * j.list.size() + 64);
  for (size_t i = 0; i < j.list.size(); i++) layout.encode(j.list[i], &j.memory[addr + 64 * i]);

  Bench bench(stalls, latency, seed);
  bench.memory = j.memory;
  if (seed % 2 == 1) {
    // a run that a reset ends somewhere leaves nothing behind
    bench.begin(addr, j.list.size());
    for (int i = bench.random() % 20000; i > 0; i--) bench.step();
    bench.reset();
    for (auto &unit : bench.took) unit.clear();
  }
  bool ended = bench.run(addr, j.list.size(), 2000000);
  size_t mispredicted = 0, computes = 0;
  Golden golden(j.memory, SIZES.bits, ACCUMULATOR, SIZES.scratch, SIZES.weights, SIZES.parameters);
  for (const Command &c : j.list) {
    golden.run(c);
    if (c.op != "compute" && c.op != "addend") continue;
    uint64_t took = computes < bench.took[1].size() ? bench.took[1][computes] : 0;
    computes++;
    if (took == compute_cycles(c)) continue;
    if (mispredicted++ == 0)
      std::printf("%s: mode %ld, result %ld, add %ld, table %ld, hold %ld took %llu cycles, predicted %llu\n", c.op.c_str(), c["mode"], c["result"], c["add"],
                  c["table"], c["hold"], (unsigned long long)took, (unsigned long long)compute_cycles(c));
  }
  size_t wrong = 0, first = 0;
  int seen[256] = {};
  for (const Command &c : j.list)
    if (c.op == "store")
      for (long b = 0; b < c["memory_plane"]; b++) seen[j.memory[c["memory"] + b]] = 1;
  for (size_t i = j.memory.size(); i-- > 0;)
    if (bench.memory[i] != j.memory[i]) wrong++, first = i;
  if (wrong != 0) explain(j.list, first, bench.memory[first], j.memory[first]);
  int distinct = 0;
  for (int s : seen) distinct += s;
  std::printf("{\"seed\": %u, \"commands\": %zu, \"ended\": %s, \"code\": %d, \"wrong\": %zu, \"distinct\": %d, \"cycles\": %llu, \"mispredicted\": %zu}\n", seed,
              j.list.size(), ended ? "true" : "false", bench.top.err_valid ? bench.top.err_code : 0, wrong, distinct,
              (unsigned long long)bench.cycles, mispredicted);
  return !ended || wrong != 0 || mispredicted != 0;
}

#include "cases.h"

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  Layout layout(argv[1]);
  std::string what = argv[2];
  if (what == "random" && argc == 7) {
    return random_run(layout, std::atoi(argv[3]), std::atoi(argv[4]), std::atoi(argv[5]), std::atoi(argv[6]));
  }
  if (what == "errors") return errors(layout);
  if (what == "speed") return speed(layout);
  return 2;
}
