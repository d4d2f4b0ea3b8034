// Simulator of the core: the verilated RTL, a memory, and a host that is told what to do on standard input.
//
// A request is 8 words of 32 bits, little-endian: operation, instance, four arguments, bytes of payload (low, high); then the payload.
// The answer is the same: status (0, or 1 with a text as payload), six results, bytes of payload; then the payload. Ends with its input.
#include <csignal>
#include <cstdlib>
#include <map>
#include <memory>
#include <unistd.h>

#include "Vcx_core.h"
#include "cx_bus.h"
#include "cxf_registers.h"
#include "verilated.h"

enum Operation : uint32_t {
  OPEN = 1,      // bytes of memory, base (low, high) -> instance
  CLOSE,         //
  WRITE_MEMORY,  // offset; payload
  READ_MEMORY,   // offset, bytes -> payload
  WRITE_REGISTER,  // offset, value, strobes -> AXI response
  READ_REGISTER,   // offset -> value, AXI response
  WAIT,          // cycles at most (low, high) -> STATUS
  TICK,          // cycles -> irq
  TRAFFIC,       // payload: seed and the fields of Traffic, words
  FAULTS,        // payload: the fields of Faults, words; ranges as begin and bytes
  RESET,         // raises rst for some cycles
  STEPS,         // how many -> payload: when each began, 64 bits
  BUS_COUNTS,    // -> bursts read, bursts written, most reads open, whether the bus is quiet
};

constexpr uint32_t REG_STATUS = CXF_REG_STATUS, REG_STEP_SELECT = CXF_REG_STEP_SELECT, REG_STEP_CYCLES = CXF_REG_STEP_CYCLES_LO;
// Cycles between two looks at STATUS.
constexpr uint64_t POLL_CYCLES = 64;
// A register answers within so many cycles, or never.
constexpr int REGISTER_CYCLES = 10000;
// A request that takes so many seconds never ends: so does the process.
constexpr unsigned REQUEST_SECONDS = 600;

struct Failure {
  std::string text;
};

class Core {
 public:
  Bus bus;

  Core(uint64_t bytes, uint64_t base) : core(&context, "core") {
    bus.memory.resize(bytes);
    bus.base = base;
    clear_inputs();
    reset();
  }
  ~Core() { core.final(); }

  void reset() {
    clear_inputs();
    core.rst = 1;
    tick(4);
    core.rst = 0;
    tick(4);
  }

  void tick(uint64_t cycles = 1) {
    for (uint64_t i = 0; i < cycles; i++) {
      bus.before_edge(core);
      core.clk = 1;
      core.eval();
      bus.after_edge(core);
      core.clk = 0;
      core.eval();
    }
    if (!bus.violation.empty()) throw Failure{"the core breaks the rules of AXI4: " + bus.violation};
  }

  uint32_t write_register(uint32_t offset, uint32_t value, uint32_t strobes) {
    core.s_axi_awaddr = offset;
    core.s_axi_wdata = value;
    core.s_axi_wstrb = strobes;
    // the address may come before the data, and after them
    bool address = false, data = false, address_taken = false, data_taken = false;
    core.s_axi_bready = 0;
    for (int i = 0; i < REGISTER_CYCLES; i++) {
      address = address || !stalls();
      data = data || !stalls();
      core.s_axi_awvalid = address && !address_taken;
      core.s_axi_wvalid = data && !data_taken;
      core.s_axi_bready = !stalls();
      core.eval();
      const bool takes_address = core.s_axi_awvalid && core.s_axi_awready, takes_data = core.s_axi_wvalid && core.s_axi_wready;
      const bool answered = core.s_axi_bvalid && core.s_axi_bready;
      const uint32_t response = core.s_axi_bresp;
      tick();
      address_taken |= takes_address;
      data_taken |= takes_data;
      if (answered) {
        core.s_axi_bready = 0;
        return response;
      }
    }
    throw Failure{"a write to a register is not answered"};
  }

  uint32_t read_register(uint32_t offset, uint32_t *response = nullptr) {
    core.s_axi_araddr = offset;
    bool taken = false;
    for (int i = 0; i < REGISTER_CYCLES; i++) {
      core.s_axi_arvalid = !taken;
      core.s_axi_rready = !stalls();
      core.eval();
      const bool takes = core.s_axi_arvalid && core.s_axi_arready, answered = core.s_axi_rvalid && core.s_axi_rready;
      const uint32_t value = core.s_axi_rdata;
      if (response != nullptr) *response = core.s_axi_rresp;
      tick();
      taken |= takes;
      if (answered) {
        core.s_axi_rready = 0;
        return value;
      }
    }
    throw Failure{"a read of a register is not answered"};
  }

  // Until the core is not busy. @returns STATUS
  uint32_t wait(uint64_t cycles) {
    for (uint64_t i = 0;; i += POLL_CYCLES) {
      const uint32_t status = read_register(REG_STATUS);
      if ((status & CXF_STATUS_BUSY) == 0 || i >= cycles) return status;
      tick(POLL_CYCLES);
    }
  }

  bool irq() const { return core.irq; }

 private:
  VerilatedContext context;
  Vcx_core core;

  bool stalls() { return bus.random.hit(bus.traffic.stall_registers); }

  void clear_inputs() {
    core.s_axi_awvalid = core.s_axi_wvalid = core.s_axi_bready = core.s_axi_arvalid = core.s_axi_rready = 0;
    core.m_axi_arready = core.m_axi_awready = core.m_axi_wready = core.m_axi_rvalid = core.m_axi_bvalid = 0;
    core.clk = 0;
    core.eval();
  }
};

static bool read_all(void *to, size_t bytes) {
  uint8_t *at = static_cast<uint8_t *>(to);
  while (bytes > 0) {
    const ssize_t got = read(STDIN_FILENO, at, bytes);
    if (got <= 0) return false;
    at += got;
    bytes -= got;
  }
  return true;
}

static bool write_all(const void *from, size_t bytes) {
  const uint8_t *at = static_cast<const uint8_t *>(from);
  while (bytes > 0) {
    const ssize_t put = write(STDOUT_FILENO, at, bytes);
    if (put <= 0) return false;
    at += put;
    bytes -= put;
  }
  return true;
}

static uint64_t wide(uint32_t low, uint32_t high) { return (uint64_t)high << 32 | low; }

struct Answer {
  uint32_t result[6] = {};
  std::vector<uint8_t> payload;
};

static std::map<uint32_t, std::unique_ptr<Core>> cores;
static uint32_t next_core = 1;

static uint32_t word(const std::vector<uint8_t> &payload, size_t i) {
  uint32_t value = 0;
  if (payload.size() < 4 * i + 4) throw Failure{"the payload is too short"};
  memcpy(&value, payload.data() + 4 * i, 4);
  return value;
}

static void check_range(const Core &core, uint64_t offset, uint64_t bytes) {
  const uint64_t size = core.bus.memory.size();
  if (offset > size || bytes > size - offset) throw Failure{"bytes " + std::to_string(offset) + " to " + std::to_string(offset + bytes) + " lie beyond the memory of " + std::to_string(size)};
}

static void set_traffic(Bus &bus, const std::vector<uint8_t> &p) {
  bus.random.state = 0x9e3779b97f4a7c15ULL ^ (word(p, 0) + 1ULL);
  bus.traffic = {word(p, 1), word(p, 2), word(p, 3), word(p, 4), word(p, 5), word(p, 6), word(p, 7)};
}

static void set_faults(Bus &bus, const std::vector<uint8_t> &p) {
  bus.faults = {word(p, 0), (uint64_t)word(p, 0) + word(p, 1), word(p, 2), (uint64_t)word(p, 2) + word(p, 3),
                word(p, 4) != 0, word(p, 5) != 0, word(p, 6) != 0, word(p, 7) != 0};
}

static void read_steps(Core &core, uint32_t count, Answer &answer) {
  for (uint32_t i = 0; i < count; i++) {
    core.write_register(REG_STEP_SELECT, i, 15);
    const uint64_t cycles = wide(core.read_register(REG_STEP_CYCLES), core.read_register(REG_STEP_CYCLES + 4));
    const uint8_t *bytes = reinterpret_cast<const uint8_t *>(&cycles);
    answer.payload.insert(answer.payload.end(), bytes, bytes + 8);
  }
}

static Answer serve(const uint32_t *request, const std::vector<uint8_t> &payload) {
  Answer answer;
  const uint32_t *argument = request + 2;
  if (request[0] == OPEN) {
    cores[next_core] = std::unique_ptr<Core>(new Core(argument[0], wide(argument[1], argument[2])));
    answer.result[0] = next_core++;
    return answer;
  }
  const auto found = cores.find(request[1]);
  if (found == cores.end()) throw Failure{"there is no instance " + std::to_string(request[1])};
  Core &core = *found->second;
  switch (request[0]) {
    case CLOSE: cores.erase(found); break;
    case WRITE_MEMORY:
      check_range(core, argument[0], payload.size());
      memcpy(core.bus.memory.data() + argument[0], payload.data(), payload.size());
      break;
    case READ_MEMORY:
      check_range(core, argument[0], argument[1]);
      answer.payload.assign(core.bus.memory.begin() + argument[0], core.bus.memory.begin() + argument[0] + argument[1]);
      break;
    case WRITE_REGISTER: answer.result[0] = core.write_register(argument[0], argument[1], argument[2]); break;
    case READ_REGISTER: answer.result[0] = core.read_register(argument[0], &answer.result[1]); break;
    case WAIT: answer.result[0] = core.wait(wide(argument[0], argument[1])); break;
    case TICK:
      core.tick(argument[0]);
      answer.result[0] = core.irq();
      break;
    case TRAFFIC: set_traffic(core.bus, payload); break;
    case FAULTS: set_faults(core.bus, payload); break;
    case RESET: core.reset(); break;
    case STEPS: read_steps(core, argument[0], answer); break;
    case BUS_COUNTS:
      answer.result[0] = core.bus.read_bursts;
      answer.result[1] = core.bus.write_bursts;
      answer.result[2] = core.bus.most_open_reads;
      answer.result[3] = core.bus.quiet();
      break;
    default: throw Failure{"there is no operation " + std::to_string(request[0])};
  }
  return answer;
}

int main() {
  signal(SIGPIPE, SIG_IGN);
  uint32_t request[8];
  while (read_all(request, sizeof request)) {
    std::vector<uint8_t> payload(wide(request[6], request[7]));
    if (!read_all(payload.data(), payload.size())) return 1;
    uint32_t header[8] = {};
    Answer answer;
    alarm(REQUEST_SECONDS);
    try {
      answer = serve(request, payload);
      memcpy(header + 1, answer.result, sizeof answer.result);
    } catch (const Failure &failure) {
      header[0] = 1;
      answer.payload.assign(failure.text.begin(), failure.text.end());
    } catch (const std::bad_alloc &) {
      const std::string text = "there is not enough memory";
      header[0] = 1;
      answer.payload.assign(text.begin(), text.end());
    }
    alarm(0);
    header[7] = answer.payload.size();
    if (!write_all(header, sizeof header) || !write_all(answer.payload.data(), answer.payload.size())) return 1;
  }
  return 0;
}
