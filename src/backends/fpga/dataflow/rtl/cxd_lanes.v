`timescale 1ns/1ps
`default_nettype none
// For each of P channels what its window gives: MODE 0 the sum of products with weights, 1 the sum, 2 the greatest value. count is the
// number of taps of the window that are counted; other taps do not take part in sums. Same timing as cxd_dot.
module cxd_lanes #(
    parameter P = 1,
    parameter MODE = 0,
    parameter WW = 8,
    parameter AW = 32,
    parameter SIGNED = 1,
    parameter WORDS = 9,
    parameter NB = 4,
    parameter FILE = ""
) (
    input wire clk,
    input wire rst,
    input wire issue,
    input wire tap_valid,
    input wire tap_first,
    input wire tap_last,
    input wire tap_counted,
    input wire [8*P-1:0] tap_data,
    output reg sums_valid,
    output wire [P*AW-1:0] sums,
    output reg [NB-1:0] count
);
  localparam A = (WORDS > 1) ? $clog2(WORDS) : 1;
  localparam integer LAST_I = WORDS - 1;
  localparam [A-1:0] LAST = LAST_I[A-1:0];

  // Bits of a term: a product, or a value.
  localparam M = MODE == 0 ? 9 + WW : 9;

  wire [P*WW-1:0] weights;
  reg v2, v3, v4, f2, f3, f4, l2, l3, l4, c2, c3, c4;

  generate
    if (MODE == 0) begin : weighted
      reg [A-1:0] address;
      cxd_rom #(
          .W(P * WW),
          .DEPTH(WORDS),
          .FILE(FILE)
      ) rom (
          .clk(clk),
          .re(issue),
          .addr(address),
          .q(weights)
      );
      always @(posedge clk)
        if (rst) address <= 0;
        else if (issue) address <= address == LAST ? 0 : address + 1'b1;
    end else begin : plain
      wire unused = issue;
      assign weights = {(P * WW) {1'b0}};
    end
  endgenerate

  always @(posedge clk) begin
    {f2, f3, f4} <= {tap_first, f2, f3};
    {l2, l3, l4} <= {tap_last, l2, l3};
    {c2, c3, c4} <= {tap_counted, c2, c3};
    if (v4) count <= (f4 ? {NB{1'b0}} : count) + {{(NB - 1) {1'b0}}, c4};
    if (rst) begin
      {v2, v3, v4} <= 3'd0;
      sums_valid <= 1'b0;
    end else begin
      {v2, v3, v4} <= {tap_valid, v2, v3};
      sums_valid <= v4 && l4;
    end
  end

  genvar p;
  generate
    for (p = 0; p < P; p = p + 1) begin : lane
      wire sign = SIGNED != 0 && tap_data[8*p+7];
      wire signed [8:0] x = {sign, tap_data[8*p+:8]};
      wire signed [WW-1:0] w = weights[WW*p+:WW];
      reg signed [M-1:0] product, held;
      wire signed [AW-1:0] wide;
      if (MODE == 0) begin : multiplied
        always @(posedge clk) product <= x * w;
      end else begin : taken
        wire unused = &{1'b0, w};
        always @(posedge clk) product <= x;
      end
      if (AW > M) begin : extended
        assign wide = {{(AW - M) {held[M-1]}}, held};
      end else begin : cut
        assign wide = held[AW-1:0];
      end
      reg signed [AW-1:0] term, sum;
      always @(posedge clk) begin
        held <= MODE == 1 && !c2 ? 0 : product;
        term <= wide;
      end
      if (MODE == 2) begin : greatest
        always @(posedge clk) if (v4 && (f4 || term > sum)) sum <= term;
      end else begin : total
        always @(posedge clk) if (v4) sum <= (f4 ? {AW{1'b0}} : sum) + term;
      end
      assign sums[AW*p+:AW] = sum;
    end
  endgenerate
endmodule
