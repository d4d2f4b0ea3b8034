import { at } from '../../../support/index.ts';
import type { SourceFile } from '../../source-folder.ts';

/** A port of a pipeline: its prefix, bits of a word, words of a frame. */
export interface Axis {
  readonly name: string;
  readonly bits: number;
  readonly words: number;
}

export const BENCH = 'cxd_bench';

const counter = (names: readonly string[]): string => names.map((n) => `  integer ${n};`).join('\n');

const sourceText = (a: Axis, i: number): string => `
  reg [${a.bits - 1}:0] vectors${i}[0:MOST_FRAMES*${a.words}-1];
  initial $readmemh("input${i}.hex", vectors${i});
  reg valid${i}, last${i};
  reg [${a.bits - 1}:0] data${i};
  reg [31:0] random${i};
  wire ready${i};
  always @(posedge clk) begin
    random${i} <= {random${i}[30:0], random${i}[31] ^ random${i}[21] ^ random${i}[1] ^ random${i}[0]};
    if (rst) begin
      valid${i} <= 1'b0;
      last${i} <= 1'b0;
      sent${i} <= 0;
      random${i} <= seed + ${2 * i + 1};
    end else if (!valid${i} || ready${i}) begin
      valid${i} <= 1'b0;
      if (sent${i} < frames * ${a.words} && {24'd0, random${i}[7:0]} >= stall_in) begin
        valid${i} <= 1'b1;
        data${i} <= vectors${i}[sent${i}];
        last${i} <= sent${i} % ${a.words} == ${a.words - 1};
        if (sent${i} % ${a.words} == 0) $display("cxd_bench: in ${i} %0d", cycle);
        sent${i} <= sent${i} + 1;
      end
    end
  end`;

const sinkText = (a: Axis, i: number): string => `
  wire out_valid${i}, out_last${i};
  wire [${a.bits - 1}:0] out_data${i};
  reg out_ready${i};
  reg [31:0] out_random${i};
  integer file${i};
  initial file${i} = $fopen("output${i}.txt", "w");
  always @(posedge clk) begin
    out_random${i} <= {out_random${i}[30:0], out_random${i}[31] ^ out_random${i}[21] ^ out_random${i}[1] ^ out_random${i}[0]};
    if (rst) begin
      out_ready${i} <= 1'b0;
      got${i} <= 0;
      out_random${i} <= seed + ${2 * i + 100};
    end else begin
      out_ready${i} <= cycle >= hold && {24'd0, out_random${i}[15:8]} >= stall_out;
      if (out_valid${i} && out_ready${i}) begin
        $fdisplay(file${i}, "%h", out_data${i});
        if (out_last${i} != (got${i} % ${a.words} == ${a.words - 1})) $display("cxd_bench: wrong tlast ${i}");
        if (out_last${i}) $display("cxd_bench: out ${i} %0d", cycle);
        got${i} <= got${i} + 1;
      end
    end
  end`;

const ports = (side: 's' | 'm', axis: Axis, i: number): readonly string[] => {
  const names = side === 's' ? ['valid', 'ready', 'data', 'last'] : ['out_valid', 'out_ready', 'out_data', 'out_last'];
  return ['tvalid', 'tready', 'tdata', 'tlast'].map((signal, k) => `.${axis.name}_${signal}(${at(names, k)}${i})`);
};

/**
 * A bench that sends frames from input<i>.hex and writes the words that come into output<i>.txt. Plusargs: frames, stall_in and stall_out
 * (chance of a pause in 256 a cycle), seed, hold (cycles at the start in which no result is taken), limit (cycles without a word after which
 * it gives up), drain (cycles that it goes on after the last word, in which words pass between stages that no result needs).
 */
export const benchText = (top: string, inputs: readonly Axis[], outputs: readonly Axis[], mostFrames: number): SourceFile => ({
  name: `${BENCH}.v`,
  text: `\`timescale 1ns/1ps
\`default_nettype none
module ${BENCH} (
    input wire clk
);
  localparam MOST_FRAMES = ${mostFrames};
  integer frames, stall_in, stall_out, seed, hold, limit, drain, cycle, quiet;
${counter([...inputs.map((_, i) => `sent${i}`), ...outputs.map((_, i) => `got${i}`)])}
  initial begin
    if (!$value$plusargs("frames=%d", frames)) frames = 1;
    if (!$value$plusargs("stall_in=%d", stall_in)) stall_in = 0;
    if (!$value$plusargs("stall_out=%d", stall_out)) stall_out = 0;
    if (!$value$plusargs("seed=%d", seed)) seed = 1;
    if (!$value$plusargs("hold=%d", hold)) hold = 0;
    if (!$value$plusargs("limit=%d", limit)) limit = 1000000;
    if (!$value$plusargs("drain=%d", drain)) drain = 0;
    cycle = 0;
  end
  wire rst = cycle < 4;
  wire frame_fault;
${inputs.map(sourceText).join('\n')}
${outputs.map(sinkText).join('\n')}

  ${top} dut (
      .clk(clk), .rst(rst), .frame_fault(frame_fault),
      ${[...inputs.flatMap((a, i) => ports('s', a, i)), ...outputs.flatMap((a, i) => ports('m', a, i))].join(', ')}
  );

  wire moved = ${[...inputs.map((_, i) => `(valid${i} && ready${i})`), ...outputs.map((_, i) => `(out_valid${i} && out_ready${i})`)].join(' || ')};
  always @(posedge clk) begin
    cycle <= cycle + 1;
    quiet <= rst || moved ? 0 : quiet + 1;
    if (frame_fault) $display("cxd_bench: frame_fault");
    if (!rst && quiet > limit) begin
      $display("cxd_bench: stuck at cycle %0d", cycle);
      $finish;
    end
    if (!rst && (${outputs.map((a, i) => `got${i} > frames * ${a.words}`).join(' || ')})) begin
      $display("cxd_bench: wrong number of words");
      $finish;
    end
    if (!rst && ${outputs.map((a, i) => `got${i} == frames * ${a.words}`).join(' && ')}) begin
      drain <= drain - 1;
      if (drain <= 0) begin
        $display("cxd_bench: done at cycle %0d", cycle);
        $finish;
      end
    end
  end
endmodule
`,
});

/** Clock of the bench under verilator. */
export const BENCH_MAIN: SourceFile = {
  name: 'cxd_main.cpp',
  text: `#include "V${BENCH}.h"
#include "verilated.h"
int main(int argc, char** argv) {
  VerilatedContext context;
  context.commandArgs(argc, argv);
  V${BENCH} bench{&context};
  while (!context.gotFinish()) {
    bench.clk = 0;
    bench.eval();
    bench.clk = 1;
    bench.eval();
  }
  bench.final();
  return 0;
}
`,
};

/** Clock of the bench under event-driven simulators. */
export const BENCH_CLOCK: SourceFile = {
  name: 'cxd_tb.v',
  text: `\`timescale 1ns/1ps
\`default_nettype none
module cxd_tb;
  reg clk = 1'b0;
  always #5 clk = !clk;
  ${BENCH} bench (.clk(clk));
endmodule
`,
};
