`timescale 1ns/1ps
`default_nettype none
// PE sums of products of SIMD values with SIMD weights each; a tap a cycle. The sums of a window are valid for one cycle, five cycles
// after its last tap was issued.
module cxd_dot #(
    parameter PE = 1,
    parameter SIMD = 1,
    parameter WW = 8,
    parameter AW = 32,
    parameter SIGNED = 1,
    parameter WORDS = 9,
    parameter FILE = ""
) (
    input wire clk,
    input wire rst,
    input wire issue,
    input wire tap_valid,
    input wire tap_first,
    input wire tap_last,
    input wire [8*SIMD-1:0] tap_data,
    output reg sums_valid,
    output wire [PE*AW-1:0] sums
);
  localparam G = (SIMD + 7) / 8;
  localparam A = (WORDS > 1) ? $clog2(WORDS) : 1;
  localparam integer LAST_I = WORDS - 1;
  localparam [A-1:0] LAST = LAST_I[A-1:0];

  reg [A-1:0] address;
  wire [PE*SIMD*WW-1:0] weights;
  reg v2, v3, v4, f2, f3, f4, l2, l3, l4;

  cxd_rom #(
      .W(PE * SIMD * WW),
      .DEPTH(WORDS),
      .FILE(FILE)
  ) rom (
      .clk(clk),
      .re(issue),
      .addr(address),
      .q(weights)
  );

  always @(posedge clk) begin
    {f2, f3, f4} <= {tap_first, f2, f3};
    {l2, l3, l4} <= {tap_last, l2, l3};
    if (rst) begin
      address <= 0;
      {v2, v3, v4} <= 3'd0;
      sums_valid <= 1'b0;
    end else begin
      if (issue) address <= address == LAST ? 0 : address + 1'b1;
      {v2, v3, v4} <= {tap_valid, v2, v3};
      sums_valid <= v4 && l4;
    end
  end

  genvar p, s;
  generate
    for (p = 0; p < PE; p = p + 1) begin : lane
      wire [SIMD*AW-1:0] products;
      reg [G*AW-1:0] parts;
      reg signed [AW-1:0] total, sum;
      for (s = 0; s < SIMD; s = s + 1) begin : input_of
        wire sign = SIGNED != 0 && tap_data[8*s+7];
        wire signed [8:0] x = {sign, tap_data[8*s+:8]};
        wire signed [WW-1:0] w = weights[WW*(p*SIMD+s)+:WW];
        reg signed [8+WW:0] product;
        always @(posedge clk) product <= x * w;
        if (AW > WW + 9) begin : wide
          assign products[AW*s+:AW] = {{(AW - WW - 9) {product[8+WW]}}, product};
        end else begin : narrow
          assign products[AW*s+:AW] = product[AW-1:0];
        end
      end
      for (s = 0; s < G; s = s + 1) begin : part_of
        integer i;
        reg signed [AW-1:0] part;
        always @* begin
          part = 0;
          for (i = 8 * s; i < 8 * s + 8 && i < SIMD; i = i + 1) part = part + products[AW*i+:AW];
        end
        always @(posedge clk) parts[AW*s+:AW] <= part;
      end
      integer g;
      reg signed [AW-1:0] all;
      always @* begin
        all = 0;
        for (g = 0; g < G; g = g + 1) all = all + parts[AW*g+:AW];
      end
      always @(posedge clk) begin
        total <= all;
        if (v4) sum <= (f4 ? {AW{1'b0}} : sum) + total;
      end
      assign sums[AW*p+:AW] = sum;
    end
  endgenerate
endmodule
