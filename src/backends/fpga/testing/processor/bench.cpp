// Runs programs on cx_proc alone, with memory at its client ports. A case is a line of standard input,
//   image dump start_pc seed read_latency write_latency stall_percent array_cycles reset_at most_cycles
// and its result a line of JSON; `dump` is written with the memory as it is at the end.
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <deque>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "Vcx_proc.h"
#include "verilated.h"

double sc_time_stamp() { return 0; }

namespace {

struct Case {
  std::string image, dump;
  uint32_t start_pc = 0, seed = 0, read_latency = 0, write_latency = 0, stall = 0;
  // cycles in which the array is busy after a start
  uint32_t array_cycles = 0;
  // cycle of a reset and a new start; 0: none
  uint64_t reset_at = 0;
  uint64_t most_cycles = 0;
};

struct Random {
  uint64_t state;
  explicit Random(uint64_t seed) : state(seed * 2 + 1) {}
  uint32_t next() {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return static_cast<uint32_t>(state >> 32);
  }
};

// One request of reads at a time, answered in order, beats of 16 bytes.
struct Reader {
  bool open = false;
  uint32_t addr = 0, left = 0;
  uint64_t at = 0;
};

struct Writer {
  bool data = false;
  uint32_t addr = 0, left = 0;
  // when the answers come that are due
  std::deque<uint64_t> answers;
};

class Bench {
 public:
  Bench(Vcx_proc &dut, const Case &c, std::vector<uint8_t> &memory) : dut_(dut), case_(c), memory_(memory), random_(c.seed) {}

  std::string run() {
    reset();
    start();
    for (;;) {
      if (case_.reset_at != 0 && cycles_ == case_.reset_at && !was_reset_) {
        was_reset_ = true;
        memory_ = original_;
        reset();
        start();
      }
      tick();
      if (dut_.done) return result("done", 0, 0);
      if (dut_.err_valid) return result("error", dut_.err_code, dut_.err_info);
      if (range_error_) return result("error", 9, range_info_);
      if (cycles_ >= case_.most_cycles) return result("timeout", 0, 0);
    }
  }

 private:
  Vcx_proc &dut_;
  const Case &case_;
  std::vector<uint8_t> &memory_;
  std::vector<uint8_t> original_ = memory_;
  Random random_;
  Reader instructions_, loads_;
  Writer stores_;
  uint64_t now_ = 0, cycles_ = 0, retired_ = 0, array_until_ = 0, fills_ = 0, evictions_ = 0, fetches_ = 0;
  bool range_error_ = false, was_reset_ = false;
  uint32_t range_info_ = 0;
  std::ostringstream events_;
  bool any_event_ = false;

  bool stalls() { return case_.stall != 0 && random_.next() % 100 < case_.stall; }

  bool beyond(uint32_t addr, uint32_t beats) {
    if (static_cast<uint64_t>(addr) + 16 * beats <= memory_.size()) return false;
    if (!range_error_) range_info_ = addr;
    range_error_ = true;
    return true;
  }

  void reset() {
    instructions_ = Reader();
    loads_ = Reader();
    stores_ = Writer();
    array_until_ = 0;
    dut_.rst = 1;
    dut_.start = 0;
    for (int i = 0; i < 4; i++) edge();
    dut_.rst = 0;
    edge();
  }

  void start() {
    events_.str("");
    any_event_ = false;
    cycles_ = retired_ = fills_ = evictions_ = fetches_ = 0;
    dut_.start = 1;
    dut_.start_pc = case_.start_pc;
    tick();
    dut_.start = 0;
    cycles_ = 0;
  }

  void answer(Reader &reader, CData &valid, VlWide<4> &data) {
    valid = 0;
    if (!reader.open || reader.left == 0 || now_ < reader.at || stalls()) return;
    valid = 1;
    memcpy(&data, memory_.data() + reader.addr, 16);
    reader.addr += 16;
    if (--reader.left == 0) reader.open = false;
  }

  void ask(Reader &reader, bool valid, bool ready, uint32_t addr, uint32_t len) {
    if (!valid || !ready || beyond(addr, len + 1)) return;
    reader = {true, addr, len + 1, now_ + case_.read_latency};
  }

  void event(const char *kind, uint32_t a, uint32_t b) {
    events_ << (any_event_ ? "," : "") << "[\"" << kind << "\"," << cycles_ << "," << a << "," << b << "]";
    any_event_ = true;
  }

  // Inputs of a cycle, what its handshakes do, then the edge at its end.
  void tick() {
    now_++;
    cycles_++;
    dut_.i_rq_ready = !instructions_.open && !stalls();
    dut_.d_rq_ready = !loads_.open && !stalls();
    dut_.d_wq_ready = !stores_.data && !stalls();
    dut_.d_wd_ready = stores_.data && !stalls();
    answer(instructions_, dut_.i_rd_valid, dut_.i_rd_data);
    answer(loads_, dut_.d_rd_valid, dut_.d_rd_data);
    dut_.d_wr_done = !stores_.answers.empty() && now_ >= stores_.answers.front();
    if (dut_.d_wr_done) stores_.answers.pop_front();
    dut_.array_idle = now_ >= array_until_;
    dut_.clk = 0;
    dut_.eval();
    if (dut_.i_rq_valid && dut_.i_rq_ready) fetches_++;
    if (dut_.d_rq_valid && dut_.d_rq_ready) fills_++;
    ask(instructions_, dut_.i_rq_valid, dut_.i_rq_ready, dut_.i_rq_addr, dut_.i_rq_len);
    ask(loads_, dut_.d_rq_valid, dut_.d_rq_ready, dut_.d_rq_addr, dut_.d_rq_len);
    if (dut_.d_wd_valid && dut_.d_wd_ready) {
      for (int i = 0; i < 16; i++)
        if (dut_.d_wd_strb >> i & 1) memory_[stores_.addr + i] = reinterpret_cast<const uint8_t *>(&dut_.d_wd_data)[i];
      stores_.addr += 16;
      if (--stores_.left == 0) {
        stores_.data = false;
        stores_.answers.push_back(now_ + case_.write_latency);
      }
    }
    if (dut_.d_wq_valid && dut_.d_wq_ready && !beyond(dut_.d_wq_addr, dut_.d_wq_len + 1)) {
      stores_.data = true;
      stores_.addr = dut_.d_wq_addr;
      stores_.left = dut_.d_wq_len + 1;
      evictions_++;
    }
    if (dut_.array_start) {
      array_until_ = now_ + 1 + case_.array_cycles;
      event("array", dut_.array_addr, dut_.array_count);
    }
    if (dut_.mark_valid) event("mark", dut_.mark, 0);
    if (dut_.retired) retired_++;
    dut_.clk = 1;
    dut_.eval();
  }

  void edge() {
    dut_.i_rd_valid = dut_.d_rd_valid = dut_.d_wr_done = 0;
    dut_.clk = 0;
    dut_.eval();
    dut_.clk = 1;
    dut_.eval();
  }

  std::string result(const char *outcome, uint32_t code, uint32_t info) {
    std::ostringstream out;
    out << "{\"outcome\":\"" << outcome << "\",\"code\":" << code << ",\"info\":" << info << ",\"pc\":" << dut_.pc << ",\"cycles\":" << cycles_
        << ",\"retired\":" << retired_ << ",\"fetches\":" << fetches_ << ",\"fills\":" << fills_ << ",\"evictions\":" << evictions_
        << ",\"events\":[" << events_.str() << "]}";
    return out.str();
  }
};

}  // namespace

int main(int argc, char **argv) {
  const auto context = std::make_unique<VerilatedContext>();
  context->commandArgs(argc, argv);
  Vcx_proc dut(context.get());
  std::string line;
  while (std::getline(std::cin, line)) {
    Case c;
    std::istringstream in(line);
    in >> c.image >> c.dump >> c.start_pc >> c.seed >> c.read_latency >> c.write_latency >> c.stall >> c.array_cycles >> c.reset_at >> c.most_cycles;
    if (!in) {
      std::cerr << "a case has 10 words: " << line << "\n";
      return 1;
    }
    std::ifstream image(c.image, std::ios::binary);
    std::vector<uint8_t> memory((std::istreambuf_iterator<char>(image)), std::istreambuf_iterator<char>());
    std::cout << Bench(dut, c, memory).run() << std::endl;
    std::ofstream(c.dump, std::ios::binary).write(reinterpret_cast<const char *>(memory.data()), static_cast<std::streamsize>(memory.size()));
  }
  return 0;
}
