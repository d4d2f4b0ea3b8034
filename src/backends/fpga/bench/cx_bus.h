// Memory behind the AXI4 master of the core, and a check of what the core does on the bus. Included by cx_sim.cpp.
#ifndef CX_BUS_H
#define CX_BUS_H

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <deque>
#include <string>
#include <vector>

// xorshift64*: the same stalls for the same seed on every machine.
struct Random {
  uint64_t state = 1;
  uint32_t next() {
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return (uint32_t)((state * 0x2545f4914f6cdd1dULL) >> 32);
  }
  // true in so many of 256 cases
  bool hit(uint32_t of256) { return of256 != 0 && (next() & 255) < of256; }
};

// How the memory behaves. Chances are of 256, a cycle.
struct Traffic {
  uint32_t read_latency = 20, write_latency = 20;
  uint32_t stall_address = 0, stall_read = 0, stall_write = 0, stall_answer = 0, stall_registers = 0;
};

// Byte ranges, from the start of the memory, that are answered with an error, and channels that never answer.
struct Faults {
  uint64_t read_from = 0, read_to = 0, write_from = 0, write_to = 0;
  bool dead_address = false, dead_read = false, dead_write = false, dead_answer = false;
};

class Bus {
 public:
  std::vector<uint8_t> memory;
  uint64_t base = 0;
  Traffic traffic;
  Faults faults;
  Random random;
  // the first thing that the core did against the rules of AXI4
  std::string violation;
  uint64_t read_bursts = 0, write_bursts = 0, most_open_reads = 0;

  // Handshakes of the coming edge, from signals that have settled.
  template <class Core>
  void before_edge(const Core &core) {
    now++;
    if (core.rst) {
      forget();
      return;
    }
    see_address("AR", core.m_axi_arvalid, core.m_axi_arready, core.m_axi_araddr, core.m_axi_arlen, held_ar);
    see_address("AW", core.m_axi_awvalid, core.m_axi_awready, core.m_axi_awaddr, core.m_axi_awlen, held_aw);
    see_data(core);
    if (core.m_axi_arvalid && core.m_axi_arready) {
      check_burst("AR", core.m_axi_araddr, core.m_axi_arlen, core.m_axi_arsize, core.m_axi_arburst);
      reads.push_back({core.m_axi_araddr, (uint32_t)core.m_axi_arlen + 1, 0, now + traffic.read_latency});
      read_bursts++;
      if (reads.size() > most_open_reads) most_open_reads = reads.size();
    }
    if (core.m_axi_awvalid && core.m_axi_awready) {
      check_burst("AW", core.m_axi_awaddr, core.m_axi_awlen, core.m_axi_awsize, core.m_axi_awburst);
      writes.push_back({core.m_axi_awaddr, (uint32_t)core.m_axi_awlen + 1, 0, 0});
      write_bursts++;
    }
    if (core.m_axi_wvalid && core.m_axi_wready) {
      Beat beat;
      memcpy(beat.data, &core.m_axi_wdata[0], 16);
      beat.strobes = core.m_axi_wstrb;
      beat.last = core.m_axi_wlast;
      beats.push_back(beat);
    }
    find_whole_bursts();
    if (core.m_axi_rvalid && core.m_axi_rready) {
      Burst &burst = reads.front();
      if (++burst.done == burst.beats) reads.pop_front();
      r_valid = false;
    }
    if (core.m_axi_bvalid && core.m_axi_bready) b_valid = false;
  }

  // Inputs of the core after the edge.
  template <class Core>
  void after_edge(Core &core) {
    core.m_axi_arready = !faults.dead_address && !random.hit(traffic.stall_address);
    core.m_axi_awready = !faults.dead_address && !random.hit(traffic.stall_address);
    core.m_axi_wready = !faults.dead_write && !random.hit(traffic.stall_write);
    if (!r_valid && !reads.empty() && reads.front().ready <= now && !faults.dead_read && !random.hit(traffic.stall_read)) {
      const Burst &burst = reads.front();
      const uint64_t at = burst.address + 16ULL * burst.done - base;
      const bool inside = at < memory.size() && memory.size() - at >= 16;
      const bool broken = at >= faults.read_from && at < faults.read_to;
      if (inside) memcpy(&core.m_axi_rdata[0], memory.data() + at, 16);
      else memset(&core.m_axi_rdata[0], 0xa5, 16);
      core.m_axi_rresp = broken ? 2 : inside ? 0 : 3;
      core.m_axi_rlast = burst.done + 1 == burst.beats;
      r_valid = true;
    }
    core.m_axi_rvalid = r_valid;
    if (!b_valid && !answers.empty() && answers.front().ready <= now && !faults.dead_answer && !random.hit(traffic.stall_answer)) {
      core.m_axi_bresp = write_whole(answers.front());
      answers.pop_front();
      b_valid = true;
    }
    core.m_axi_bvalid = b_valid;
  }

  bool quiet() const { return reads.empty() && writes.empty() && beats.empty() && answers.empty() && !b_valid; }

 private:
  struct Burst {
    uint64_t address;
    uint32_t beats, done;
    uint64_t ready;
  };
  struct Beat {
    uint8_t data[16];
    uint16_t strobes;
    bool last;
  };
  struct Answer {
    Burst burst;
    std::vector<Beat> beats;
    uint64_t ready;
  };
  struct Held {
    bool valid = false;
    uint64_t address = 0;
    uint32_t length = 0;
  };

  uint64_t now = 0;
  std::deque<Burst> reads, writes;
  std::deque<Beat> beats;
  std::deque<Answer> answers;
  bool r_valid = false, b_valid = false;
  Held held_ar, held_aw;
  bool held_w = false;
  Beat last_w = {};

  void forget() {
    reads.clear();
    writes.clear();
    beats.clear();
    answers.clear();
    r_valid = b_valid = false;
    held_ar.valid = held_aw.valid = held_w = false;
  }

  void violate(const char *format, unsigned long long a, unsigned long long b) {
    if (!violation.empty()) return;
    char text[160];
    snprintf(text, sizeof text, format, a, b);
    violation = std::string(text) + " at cycle " + std::to_string(now);
  }

  // A valid address stays as it is until it is taken.
  void see_address(const char *channel, bool valid, bool ready, uint64_t address, uint32_t length, Held &held) {
    if (held.valid && (!valid || address != held.address || length != held.length)) {
      violate(channel[1] == 'R' ? "AR changed from %llx before it was taken, to %llx" : "AW changed from %llx before it was taken, to %llx",
              held.address, address);
    }
    held.valid = valid && !ready;
    held.address = address;
    held.length = length;
  }

  template <class Core>
  void see_data(const Core &core) {
    const bool same = memcmp(last_w.data, &core.m_axi_wdata[0], 16) == 0 && last_w.strobes == core.m_axi_wstrb && last_w.last == (bool)core.m_axi_wlast;
    if (held_w && (!core.m_axi_wvalid || !same)) violate("W changed before it was taken, strobes %llx, then %llx", last_w.strobes, core.m_axi_wstrb);
    held_w = core.m_axi_wvalid && !core.m_axi_wready;
    memcpy(last_w.data, &core.m_axi_wdata[0], 16);
    last_w.strobes = core.m_axi_wstrb;
    last_w.last = core.m_axi_wlast;
  }

  void check_burst(const char *channel, uint64_t address, uint32_t length, uint32_t size, uint32_t kind) {
    if (address % 16 != 0) violate("a burst at %llx is not aligned to 16 bytes (%llu beats)", address, length + 1ULL);
    if ((address & 4095) + 16ULL * (length + 1) > 4096) violate("a burst at %llx of %llu beats crosses 4 KiB", address, length + 1ULL);
    if (length >= 64) violate("a burst at %llx has %llu beats, more than 64", address, length + 1ULL);
    if (size != 4 || kind != 1) violate(channel[1] == 'R' ? "AR has size %llu and kind %llu" : "AW has size %llu and kind %llu", size, kind);
  }

  // Data may come before their address.
  void find_whole_bursts() {
    while (!writes.empty() && !beats.empty()) {
      const Burst &burst = writes.front();
      const size_t there = beats.size() < burst.beats ? beats.size() : burst.beats;
      for (size_t i = 0; i < there; i++)
        if (beats[i].last != (i + 1 == burst.beats)) violate("beat %llu of a burst of %llu is wrong about being the last", i + 1, burst.beats);
      if (there < burst.beats) return;
      answers.push_back({burst, std::vector<Beat>(beats.begin(), beats.begin() + there), now + traffic.write_latency});
      beats.erase(beats.begin(), beats.begin() + there);
      writes.pop_front();
    }
  }

  // What is written is seen by reads from the answer on: a core that reads before gets what was there.
  uint32_t write_whole(const Answer &answer) {
    uint32_t response = 0;
    for (uint32_t i = 0; i < answer.burst.beats; i++) {
      const uint64_t at = answer.burst.address + 16ULL * i - base;
      if (at >= memory.size() || memory.size() - at < 16) {
        response = 3;
        continue;
      }
      if (at >= faults.write_from && at < faults.write_to) {
        response = 2;
        continue;
      }
      for (int b = 0; b < 16; b++)
        if (answer.beats[i].strobes >> b & 1) memory[at + b] = answer.beats[i].data[b];
    }
    return response;
  }
};

#endif
