// The core in verilator, its memory, and the driver in C that boards use: loads the image, runs each vector and compares every byte.
//   sim [--stalls N] [--steps] [--quick]
//     --stalls N  chance of a stall of each channel of the bus a cycle, of 256 (default 32)
//     --steps     cycles of every step
//     --quick     the first vector only
#include <cinttypes>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "Vcx_top.h"
#include "cx_bus.h"
#include "verilated.h"

extern "C" {
#include "cxf.h"
#include "cxf_model.h"
#include "cxf_registers.h"
}

// Not that of the memory's first byte: addresses of 64 bits.
constexpr uint64_t BASE = 0x240000000;
constexpr int CYCLES_OF_A_LOOK = 64;

struct Board {
  VerilatedContext context;
  Vcx_top top{&context};
  Bus bus;

  void tick() {
    bus.before_edge(top);
    top.clk = 1;
    top.eval();
    bus.after_edge(top);
    top.clk = 0;
    top.eval();
    if (bus.violation.empty()) return;
    fprintf(stderr, "the core breaks the rules of AXI4: %s\n", bus.violation.c_str());
    exit(1);
  }

  void reset() {
    top.clk = 0;
    top.s_axi_awvalid = top.s_axi_wvalid = top.s_axi_bready = top.s_axi_arvalid = top.s_axi_rready = 0;
    top.m_axi_arready = top.m_axi_awready = top.m_axi_wready = top.m_axi_rvalid = top.m_axi_bvalid = 0;
    top.rst = 1;
    top.eval();
    for (int i = 0; i < 4; i++) tick();
    top.rst = 0;
    for (int i = 0; i < 4; i++) tick();
  }
};

static void write_register(void *context, uint32_t offset, uint32_t value) {
  Board &b = *static_cast<Board *>(context);
  b.top.s_axi_awaddr = offset;
  b.top.s_axi_wdata = value;
  b.top.s_axi_wstrb = 15;
  b.top.s_axi_bready = 1;
  bool address = true, data = true;
  for (;;) {
    b.top.s_axi_awvalid = address;
    b.top.s_axi_wvalid = data;
    b.top.eval();
    const bool takes_address = address && b.top.s_axi_awready, takes_data = data && b.top.s_axi_wready, answered = b.top.s_axi_bvalid;
    b.tick();
    address = address && !takes_address;
    data = data && !takes_data;
    if (answered) break;
  }
  b.top.s_axi_bready = 0;
}

static uint32_t read_register(void *context, uint32_t offset) {
  Board &b = *static_cast<Board *>(context);
  b.top.s_axi_araddr = offset;
  b.top.s_axi_rready = 1;
  bool address = true;
  for (;;) {
    b.top.s_axi_arvalid = address;
    b.top.eval();
    const bool takes = address && b.top.s_axi_arready, answered = b.top.s_axi_rvalid;
    const uint32_t value = b.top.s_axi_rdata;
    b.tick();
    address = address && !takes;
    if (answered) {
      b.top.s_axi_rready = 0;
      return value;
    }
  }
}

static int idle(void *context) {
  for (int i = 0; i < CYCLES_OF_A_LOOK; i++) static_cast<Board *>(context)->tick();
  return 0;
}

static std::vector<uint8_t> read_file(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    fprintf(stderr, "%s cannot be read\n", path.c_str());
    exit(2);
  }
  return std::vector<uint8_t>(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

static void need(cxf_core *core, const char *what, cxf_result result) {
  if (result == CXF_OK) return;
  fprintf(stderr, "%s: %s", what, cxf_text(result));
  if (cxf_info_text(result)[0] != 0) fprintf(stderr, " (%s: 0x%" PRIx32 ")", cxf_info_text(result), cxf_error_info(core));
  fprintf(stderr, "\n");
  exit(1);
}

// Where the first wrong byte is, or -1.
static long long first_difference(const std::vector<uint8_t> &a, const std::vector<uint8_t> &b) {
  for (size_t i = 0; i < a.size() && i < b.size(); i++)
    if (a[i] != b[i]) return (long long)i;
  return a.size() == b.size() ? -1 : (long long)(a.size() < b.size() ? a.size() : b.size());
}

int main(int argc, char **argv) {
  uint32_t stalls = 32;
  bool steps = false, quick = false;
  for (int i = 1; i < argc; i++) {
    const std::string word = argv[i];
    if (word == "--stalls" && i + 1 < argc) stalls = (uint32_t)atoi(argv[++i]);
    else if (word == "--steps") steps = true;
    else if (word == "--quick") quick = true;
    else {
      fprintf(stderr, "usage: sim [--stalls N] [--steps] [--quick]\n");
      return 2;
    }
  }
  const cxf_model &model = CXF_MODEL;
  Board board;
  board.bus.base = BASE;
  board.bus.memory.resize(model.memory_bytes);
  board.bus.traffic.stall_address = board.bus.traffic.stall_read = board.bus.traffic.stall_write = board.bus.traffic.stall_answer = stalls;
  board.bus.random.state = 0x9e3779b97f4a7c15ULL;
  // what the image leaves open may hold anything
  for (size_t i = 0; i < board.bus.memory.size(); i++) board.bus.memory[i] = (uint8_t)(0xa5 ^ i);
  board.reset();

  const cxf_port port = {read_register, write_register, nullptr, nullptr, idle, &board};
  cxf_core core;
  need(&core, "open", cxf_open(&core, port, board.bus.memory.data(), BASE, model.memory_bytes));
  need(&core, "timeout", cxf_set_timeout(&core, 0));
  const std::vector<uint8_t> image = read_file("image/image.bin");
  need(&core, "load", cxf_load(&core, image.data(), (uint32_t)image.size()));

  int wrong = 0;
  size_t compared = 0;
  const uint32_t vectors = quick && CXF_VECTORS > 1 ? 1 : CXF_VECTORS;
  for (uint32_t v = 0; v < vectors; v++) {
    const std::string folder = "vectors/v" + std::to_string(v) + "/";
    for (uint32_t k = 0; k < model.inputs; k++) {
      const std::vector<uint8_t> bytes = read_file(folder + "input" + std::to_string(k) + ".bin");
      need(&core, model.input[k].name, cxf_set_input(&core, &model.input[k], bytes.data(), (uint32_t)bytes.size()));
    }
    need(&core, "run", cxf_run(&core));
    for (uint32_t k = 0; k < model.outputs; k++) {
      const cxf_tensor &tensor = model.output[k];
      const std::vector<uint8_t> expected = read_file(folder + "output" + std::to_string(k) + ".bin");
      std::vector<uint8_t> bytes(tensor.bytes);
      need(&core, tensor.name, cxf_get_output(&core, &tensor, bytes.data(), tensor.bytes));
      const long long at = first_difference(bytes, expected);
      compared += expected.size();
      if (at < 0) continue;
      printf("vector %" PRIu32 ", output %s: byte %lld differs\n", v, tensor.name, at);
      wrong++;
    }
    cxf_counters counters;
    cxf_read_counters(&core, &counters);
    printf("vector %" PRIu32 ": %" PRIu64 " cycles, array at work in %" PRIu64 ", %" PRIu64 " instructions, %" PRIu64 " bytes read, %" PRIu64 " written\n", v,
           counters.cycles, counters.array_cycles, counters.instructions, 16 * counters.read_beats, 16 * counters.write_beats);
    if (!steps || v != 0) continue;
    for (uint32_t s = 0; s < model.steps && s < CXF_KEPT_STEPS; s++) {
      const uint64_t from = cxf_step_begin(&core, s), to = s + 1 < model.steps && s + 1 < CXF_KEPT_STEPS ? cxf_step_begin(&core, s + 1) : counters.cycles;
      printf("  %" PRIu32 " %s: %" PRIu64 " cycles\n", s, model.step[s], to - from);
    }
  }
  printf("%s: %" PRIu32 " vectors, %zu bytes compared, %d outputs wrong\n", model.name, vectors, compared, wrong);
  return wrong == 0 ? 0 : 1;
}
