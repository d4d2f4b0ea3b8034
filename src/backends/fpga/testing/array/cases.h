// Lists that must fail, and one that measures speed.
#pragma once

static const Command CONVOLUTION{"compute", {{"blocks", 2}, {"rows", 3}, {"columns", 3}, {"inputs", 1}, {"kernel_y", 1}, {"kernel_x", 1}, {"in_y", 3},
  {"in_x", 1}, {"out_base", 100}, {"out_block", 1}, {"out_y", 6}, {"out_x", 2}, {"weight_block", 1}, {"step_y", 1}, {"step_x", 1}, {"height", 3}, {"width", 3},
  {"lo", -128}, {"hi", 127}}};
static const Command LOAD{"load", {{"planes", 1}, {"rows", 1}, {"beats", 9}, {"chip_beat", 1}}};
static const Command STORE{"store", {{"planes", 1}, {"rows", 1}, {"beats", 9}, {"chip_beat", 1}}};

static Command with(Command c, std::map<std::string, long> fields) {
  for (auto &[name, value] : fields) c.fields[name] = value;
  return c;
}

static int errors(const Layout &layout) {
  const int BAD_COMMAND = 15, ARRAY_RANGE = 16, ARRAY_BUSY = 17;
  const long END = SIZES.scratch;
  struct Case { const char *name; Command command; int code; };
  const std::vector<Case> cases = {
    {"all right", CONVOLUTION, 0},
    {"planes 0", with(LOAD, {{"planes", 0}}), BAD_COMMAND},
    {"rows 0", with(STORE, {{"rows", 0}}), BAD_COMMAND},
    {"beats 0", with(LOAD, {{"beats", 0}}), BAD_COMMAND},
    {"memory unaligned", with(LOAD, {{"memory", 8}}), BAD_COMMAND},
    {"row unaligned", with(STORE, {{"memory_row", 4}}), BAD_COMMAND},
    {"plane unaligned", with(LOAD, {{"memory_plane", 15}}), BAD_COMMAND},
    {"blocks 0", with(CONVOLUTION, {{"blocks", 0}}), BAD_COMMAND},
    {"rows 0", with(CONVOLUTION, {{"rows", 0}}), BAD_COMMAND},
    {"columns 0", with(CONVOLUTION, {{"columns", 0}}), BAD_COMMAND},
    {"inputs 0", with(CONVOLUTION, {{"inputs", 0}}), BAD_COMMAND},
    {"kernel_y 0", with(CONVOLUTION, {{"kernel_y", 0}}), BAD_COMMAND},
    {"kernel_x 0", with(CONVOLUTION, {{"kernel_x", 0}}), BAD_COMMAND},
    {"result 3", with(CONVOLUTION, {{"result", 3}}), BAD_COMMAND},
    {"raw with add", with(CONVOLUTION, {{"result", 1}, {"add", 1}}), BAD_COMMAND},
    {"raw with table", with(CONVOLUTION, {{"result", 1}, {"table", 1}}), BAD_COMMAND},
    {"hold of many", with(CONVOLUTION, {{"hold", 1}}), BAD_COMMAND},
    {"resume of many", with(CONVOLUTION, {{"resume", 1}}), BAD_COMMAND},
    {"a wait for itself", with(CONVOLUTION, {{"wait_compute", 4}}), BAD_COMMAND},
    {"a wait for a store", with(LOAD, {{"wait_store", 1}}), BAD_COMMAND},
    {"input beyond", with(CONVOLUTION, {{"in_base", END - 1}}), ARRAY_RANGE},
    {"input before", with(CONVOLUTION, {{"in_base", -1}}), ARRAY_RANGE},
    {"output beyond", with(CONVOLUTION, {{"out_base", END - 3}}), ARRAY_RANGE},
    {"weights beyond", with(CONVOLUTION, {{"weight_base", SIZES.weights - 1}}), ARRAY_RANGE},
    {"parameters beyond", with(CONVOLUTION, {{"parameter_base", SIZES.parameters / 8 - 1}}), ARRAY_RANGE},
    {"load beyond", with(LOAD, {{"chip", END - 8}}), ARRAY_RANGE},
    {"weight load beyond", with(LOAD, {{"target", 1}, {"chip", 16 * SIZES.weights - 8}}), ARRAY_RANGE},
    {"parameter load beyond", with(LOAD, {{"target", 2}, {"chip", SIZES.parameters - 8}}), ARRAY_RANGE},
    {"table load beyond", with(LOAD, {{"target", 3}, {"chip", 120}}), ARRAY_RANGE},
    {"store beyond", with(STORE, {{"chip", END - 8}}), ARRAY_RANGE},
  };
  int failures = 0;
  auto check = [&](const char *name, Bench &bench, bool ended, int code, uint32_t info) {
    bool right = code == 0 ? ended : !ended && bench.top.err_valid && bench.top.err_code == code && bench.top.err_info == info;
    if (!right) {
      failures++;
      std::printf("%s: idle %d, error %d, code %d at %u; expected %d at %u\n", name, bench.top.idle, bench.top.err_valid, bench.top.err_code, bench.top.err_info, code, info);
    }
  };
  const uint32_t addr = 4096;
  for (const Case &c : cases) {
    // the command that matters is the third of four
    std::vector<uint8_t> memory(1 << 16);
    layout.encode(with(LOAD, {{"chip", 32}}), &memory[addr]);
    layout.encode(CONVOLUTION, &memory[addr + 64]);
    layout.encode(c.command, &memory[addr + 128]);
    layout.encode(with(LOAD, {{"chip", 64}}), &memory[addr + 192]);
    Bench bench(20, 7, 1);
    bench.memory = memory;
    check(c.name, bench, bench.run(addr, 4, 100000), c.code, addr + 128);
    // after a reset it works again
    bench.reset();
    layout.encode(CONVOLUTION, &bench.memory[addr + 128]);
    check("after reset", bench, bench.run(addr, 4, 100000), 0, 0);
  }
  {
    Bench bench(20, 7, 1);
    bench.memory.resize(1 << 16);
    layout.encode(CONVOLUTION, &bench.memory[addr]);
    bench.memory[addr + 64] = 99;
    check("unknown", bench, bench.run(addr, 2, 100000), BAD_COMMAND, addr + 64);
    bench.reset();
    check("an empty list", bench, bench.run(addr, 0, 10), 0, 0);
    check("too many", bench, bench.run(addr, 65536, 100000), BAD_COMMAND, addr);
    bench.reset();
    bench.begin(addr, 1);
    check("busy", bench, bench.run(addr, 1, 100), ARRAY_BUSY, addr);
  }
  std::printf("{\"cases\": %zu, \"failures\": %d}\n", 2 * cases.size() + 4, failures);
  return failures != 0;
}

/** Cycles of a load and a store of rows x beats with a memory of a latency and no stalls. */
static void transfers(const Layout &layout, int latency, long rows, long beats) {
  Bench bench(0, latency, 1);
  const uint32_t addr = 1 << 20;
  bench.memory.resize(addr + 128);
  std::map<std::string, long> shape{{"rows", rows}, {"beats", beats}, {"memory_row", 16 * beats + 16}, {"chip_row", beats}};
  layout.encode(with(LOAD, shape), &bench.memory[addr]);
  shape["wait_load"] = 1;
  layout.encode(with(STORE, shape), &bench.memory[addr + 64]);
  bench.run(addr, 2, 1000000);
  std::printf("{\"latency\": %d, \"rows\": %ld, \"beats\": %ld, \"load\": %llu, \"store\": %llu}\n", latency, rows, beats,
              (unsigned long long)bench.took[0].at(0), (unsigned long long)bench.took[2].at(0));
}

static int speed(const Layout &layout) {
  for (int latency : {1, 20, 60})
    for (long rows : {1, 16})
      for (long beats : {1, 8, 32, 64, 256}) transfers(layout, latency, rows, beats);
  Bench bench(0, 20, 1);
  const uint32_t addr = 1 << 20;
  bench.memory.resize(addr + 64);
  layout.encode(with(CONVOLUTION, {{"rows", 64}, {"columns", 100}, {"inputs", 4}, {"kernel_y", 5}, {"kernel_x", 5}, {"in_ic", 1}, {"in_kx", 0}, {"out_y", 0}, {"out_x", 0},
                                   {"out_base", 500}, {"height", 1000}, {"width", 1000}, {"blocks", 1}}), &bench.memory[addr]);
  auto from = std::chrono::steady_clock::now();
  bool ended = bench.run(addr, 1, 100000000);
  double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - from).count();
  std::printf("{\"cycles\": %llu, \"megacycles a second\": %.2f}\n", (unsigned long long)bench.cycles, bench.cycles / seconds / 1e6);
  return !ended;
}
