`timescale 1ns/1ps
`default_nettype none

// clamp(rshr(ma (a - za) + mb (b - zb), s) + zero, lo, hi) in six cycles; the sum fits 32 bits. Multipliers of 23 bits are split in two so
// that products stay small.
module cx_add_rescale (
    input wire clk,
    input wire signed [7:0] a,
    input wire signed [7:0] b,
    input wire [22:0] multiplier_a,
    input wire [22:0] multiplier_b,
    input wire signed [7:0] zero_a,
    input wire signed [7:0] zero_b,
    input wire [4:0] shift,
    input wire signed [7:0] zero,
    input wire signed [7:0] lo,
    input wire signed [7:0] hi,
    output reg signed [7:0] y
);
  wire signed [11:0] a_high = multiplier_a[22:11];
  wire signed [11:0] a_low = {1'b0, multiplier_a[10:0]};
  wire signed [11:0] b_high = multiplier_b[22:11];
  wire signed [11:0] b_low = {1'b0, multiplier_b[10:0]};
  reg signed [8:0] a1, b1;
  reg signed [20:0] ah2, al2, bh2, bl2;
  reg signed [20:0] high3;  // the sum fits 32 bits, so this one fits 21
  reg signed [21:0] low3;
  reg signed [31:0] p4, v5;

  wire signed [31:0] wide_high = {high3, 11'd0};
  wire signed [31:0] wide_low = {{10{low3[21]}}, low3};
  wire [4:0] less = shift - 5'd1;
  wire signed [31:0] shifted = p4 >>> less;
  wire signed [32:0] wide = {v5[31], v5};
  wire signed [32:0] rounded = wide + 33'sd1;
  wire signed [32:0] halved = rounded >>> 1;
  wire signed [32:0] wide_zero = {{25{zero[7]}}, zero};
  wire signed [32:0] v = halved + wide_zero;
  wire signed [32:0] wide_lo = {{25{lo[7]}}, lo};
  wire signed [32:0] wide_hi = {{25{hi[7]}}, hi};

  always @(posedge clk) begin
    a1 <= {a[7], a} - {zero_a[7], zero_a};
    b1 <= {b[7], b} - {zero_b[7], zero_b};
    ah2 <= a_high * a1;
    al2 <= a_low * a1;
    bh2 <= b_high * b1;
    bl2 <= b_low * b1;
    high3 <= ah2 + bh2;
    low3 <= {al2[20], al2} + {bl2[20], bl2};
    p4 <= wide_high + wide_low;
    v5 <= shifted;
    y <= v < wide_lo ? lo : v > wide_hi ? hi : v[7:0];
  end
endmodule
