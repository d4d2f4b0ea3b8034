`timescale 1ns/1ps
`default_nettype none

// clamp(rshr((acc + bias) M, s) + zero, lo, hi), exact for 0 <= M < 2^15 and 1 <= s <= 47, six cycles after its inputs.
// rshr(P, s) = ((P >> (s - 1)) + 1) >> 1; what does not fit 12 bits after the shift is clamped by any lo and hi of 8 bits.
module cx_requant (
    input wire clk,
    input wire signed [31:0] acc,
    input wire signed [31:0] bias,
    input wire [14:0] multiplier,
    input wire [5:0] shift,
    input wire signed [7:0] zero,
    input wire signed [7:0] lo,
    input wire signed [7:0] hi,
    output wire [31:0] sum,  // acc + bias, one cycle after
    output reg signed [7:0] y
);
  reg signed [31:0] t1;
  reg signed [15:0] m1;
  reg [5:0] s1, s2, s3;
  reg [2:0] s4;
  reg signed [30:0] high2;
  reg signed [31:0] low2;
  reg signed [47:0] p3, coarse4;
  reg signed [12:0] v5;

  assign sum = t1;
  wire signed [15:0] t_high = t1[31:16];
  wire signed [16:0] t_low = {1'b0, t1[15:0]};
  // coarse first: multiples of 8
  wire signed [47:0] by_8 = s3[3] ? p3 >>> 8 : p3;
  wire signed [47:0] by_16 = s3[4] ? by_8 >>> 16 : by_8;
  wire signed [47:0] by_32 = s3[5] ? by_16 >>> 32 : by_16;
  wire signed [47:0] fine = coarse4 >>> s4;
  wire fits = fine[47:11] == {37{fine[47]}};
  wire signed [12:0] rounded = v5 + 13'sd1;
  wire signed [12:0] halved = rounded >>> 1;
  wire signed [12:0] wide_zero = {{5{zero[7]}}, zero};
  wire signed [12:0] v = halved + wide_zero;
  wire signed [12:0] wide_lo = {{5{lo[7]}}, lo};
  wire signed [12:0] wide_hi = {{5{hi[7]}}, hi};
  wire signed [47:0] wide_high = {high2[30], high2, 16'd0};
  wire signed [47:0] wide_low = {{16{low2[31]}}, low2};

  always @(posedge clk) begin
    t1 <= acc + bias;
    m1 <= {1'b0, multiplier};
    s1 <= shift - 6'd1;
    high2 <= t_high * m1;
    low2 <= t_low * m1;
    s2 <= s1;
    p3 <= wide_high + wide_low;
    s3 <= s2;
    coarse4 <= by_32;
    s4 <= s3[2:0];
    v5 <= fits ? fine[12:0] : (fine[47] ? -13'sd2048 : 13'sd2047);
    y <= v < wide_lo ? lo : v > wide_hi ? hi : v[7:0];
  end
endmodule
