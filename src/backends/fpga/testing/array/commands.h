// Commands as named numbers, with the positions of their fields taken from cx_commands.vh.
#pragma once
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <string>
#include <vector>

struct Command {
  std::string op;
  std::map<std::string, long> fields;
  long operator[](const std::string &name) const {
    auto f = fields.find(name);
    return f == fields.end() ? 0 : f->second;
  }
};

struct Layout {
  struct Place { int high, low; };
  std::map<std::string, Place> places;
  std::map<std::string, int> codes;

  explicit Layout(const std::string &path) {
    std::ifstream in(path);
    std::string word, name, value;
    while (in >> word) {
      if (word != "`define" || !(in >> name)) continue;
      if (name == "CX_COMMANDS_VH") continue;
      in >> value;
      size_t colon = value.find(':'), quote = value.find("'d");
      if (colon != std::string::npos) places[name] = {std::stoi(value.substr(0, colon)), std::stoi(value.substr(colon + 1))};
      else if (quote != std::string::npos) codes[name] = std::stoi(value.substr(quote + 2));
    }
    if (places.empty()) { std::fprintf(stderr, "%s has no fields\n", path.c_str()); std::exit(2); }
  }

  static std::string upper(std::string s) {
    for (char &c : s) c = c >= 'a' && c <= 'z' ? c - 32 : c;
    return s;
  }

  void encode(const Command &c, uint8_t *out) const {
    for (int i = 0; i < 64; i++) out[i] = 0;
    out[0] = codes.at("CX_OP_" + upper(c.op));
    for (auto &[name, value] : c.fields) {
      Place p = places.at("CX_" + upper(c.op) + "_" + upper(name));
      for (int bit = p.low; bit <= p.high; bit++)
        if (value >> (bit - p.low) & 1) out[bit / 8] |= 1 << bit % 8;
    }
  }
};
