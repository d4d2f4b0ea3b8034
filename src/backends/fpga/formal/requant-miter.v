`timescale 1ns/1ps
`default_nettype none

// cx_requant, whose two products are inputs here, against the formula of NUMERICS 1.1 in 64 bits. The products stand for
// (t >> 16) M and (t & 65535) M with -2^31 <= t < 2^31 and 0 <= M < 2^15: t M = high 2^16 + low.
module requant_miter #(
    parameter [5:0] SHIFT = 1
) (
    input  wire signed [30:0] high,
    input  wire        [30:0] low,
    input  wire signed [7:0]  zero,
    input  wire signed [7:0]  lo,
    input  wire signed [7:0]  hi,
    output wire               equal
);
  wire signed [7:0]  y;
  wire        [31:0] sum;
  wire signed [31:0] product_high = high;
  wire signed [32:0] product_low = {2'b00, low};
  cx_requant unit (
      .clk(1'b0), .product_high(product_high), .product_low(product_low), .acc(32'sd0), .bias(32'sd0), .multiplier(15'd0),
      .shift(SHIFT), .zero(zero), .lo(lo), .hi(hi), .sum(sum), .y(y)
  );

  wire signed [63:0] high_64 = high;
  wire signed [63:0] low_64 = {33'd0, low};
  wire signed [63:0] shifted_high = high_64 <<< 16;
  wire signed [63:0] product = shifted_high + low_64;
  wire signed [63:0] half = 64'sd1 <<< (SHIFT - 6'd1);
  wire signed [63:0] rounded = product + half;
  wire signed [63:0] quotient = rounded >>> SHIFT;
  wire signed [63:0] zero_64 = zero;
  wire signed [63:0] lo_64 = lo;
  wire signed [63:0] hi_64 = hi;
  wire signed [63:0] moved = quotient + zero_64;
  wire signed [63:0] clamped = moved < lo_64 ? lo_64 : moved > hi_64 ? hi_64 : moved;
  wire signed [63:0] y_64 = y;
  assign equal = y_64 == clamped;
endmodule

`default_nettype wire
