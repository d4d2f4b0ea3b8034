`timescale 1ns/1ps
`default_nettype none
// clamp(rshr(MA (a - ZA) + MB (b - ZB), S) + ZERO, LO, HI) of P channels, from two streams. |M| <= 2^21; the sum fits 32 bits.
module cxd_add #(
    parameter P = 1,
    parameter signed [31:0] MA = 1,
    parameter signed [31:0] MB = 1,
    parameter signed [31:0] ZA = 0,
    parameter signed [31:0] ZB = 0,
    parameter SIGNED_A = 1,
    parameter SIGNED_B = 1,
    parameter S = 1,
    parameter signed [31:0] ZERO = 0,
    parameter signed [31:0] LO = -128,
    parameter signed [31:0] HI = 127
) (
    input wire clk,
    input wire rst,
    input wire a_valid,
    output wire a_ready,
    input wire [8*P-1:0] a_data,
    input wire b_valid,
    output wire b_ready,
    input wire [8*P-1:0] b_data,
    output wire out_valid,
    input wire out_ready,
    output wire [8*P-1:0] out_data
);
  // Multipliers in parts of 11 bits, the upper one with the sign.
  localparam signed [31:0] MA_PART = MA >>> 11;
  localparam signed [31:0] MB_PART = MB >>> 11;
  localparam signed [11:0] MA_HIGH = MA_PART[11:0];
  localparam signed [11:0] MB_HIGH = MB_PART[11:0];
  localparam signed [11:0] MA_LOW = {1'b0, MA[10:0]};
  localparam signed [11:0] MB_LOW = {1'b0, MB[10:0]};
  localparam signed [9:0] A_ZERO = ZA[9:0];
  localparam signed [9:0] B_ZERO = ZB[9:0];
  localparam signed [31:0] HALF = 32'd1 << (S - 1);

  reg [3:0] valid;
  wire move = !valid[3] || out_ready;
  wire both = a_valid && b_valid;

  assign a_ready = move && b_valid;
  assign b_ready = move && a_valid;
  assign out_valid = valid[3];

  always @(posedge clk)
    if (rst) valid <= 4'd0;
    else if (move) valid <= {valid[2:0], both};

  genvar p;
  generate
    for (p = 0; p < P; p = p + 1) begin : lane
      wire sign_a = SIGNED_A != 0 && a_data[8*p+7];
      wire sign_b = SIGNED_B != 0 && b_data[8*p+7];
      wire signed [9:0] a = {{2{sign_a}}, a_data[8*p+:8]};
      wire signed [9:0] b = {{2{sign_b}}, b_data[8*p+:8]};
      reg signed [9:0] da, db;
      reg signed [21:0] ah, al, bh, bl;
      wire signed [31:0] ah_wide = {{10{ah[21]}}, ah};
      wire signed [31:0] bh_wide = {{10{bh[21]}}, bh};
      wire signed [31:0] al_wide = {{10{al[21]}}, al};
      wire signed [31:0] bl_wide = {{10{bl[21]}}, bl};
      wire signed [31:0] ah_moved = ah_wide <<< 11;
      wire signed [31:0] bh_moved = bh_wide <<< 11;
      reg signed [31:0] sum;
      wire signed [31:0] rounded = sum + HALF;
      wire signed [31:0] shifted = rounded >>> S;
      wire signed [31:0] placed = shifted + ZERO;
      wire [7:0] clamped = placed < LO ? LO[7:0] : (placed > HI ? HI[7:0] : placed[7:0]);
      reg [7:0] y;
      always @(posedge clk)
        if (move) begin
          da <= a - A_ZERO;
          db <= b - B_ZERO;
          ah <= da * MA_HIGH;
          al <= da * MA_LOW;
          bh <= db * MB_HIGH;
          bl <= db * MB_LOW;
          sum <= ah_moved + al_wide + bh_moved + bl_wide;
          y <= clamped;
        end
      assign out_data[8*p+:8] = y;
    end
  endgenerate
endmodule
