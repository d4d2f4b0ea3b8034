`timescale 1ns/1ps
`default_nettype none
// 16 bytes turned to the right: byte i of `out` is byte (i + amount) mod 16 of `in`.
module cx_proc_turn (
    input  wire [  3:0] amount,
    input  wire [127:0] in,
    output wire [127:0] out
);
  // In halves of 64 bits, since simulators are fast up to that width.
  wire [63:0] low8 = amount[3] ? in[127:64] : in[63:0];
  wire [63:0] high8 = amount[3] ? in[63:0] : in[127:64];
  wire [63:0] low4 = amount[2] ? {high8[31:0], low8[63:32]} : low8;
  wire [63:0] high4 = amount[2] ? {low8[31:0], high8[63:32]} : high8;
  wire [63:0] low2 = amount[1] ? {high4[15:0], low4[63:16]} : low4;
  wire [63:0] high2 = amount[1] ? {low4[15:0], high4[63:16]} : high4;
  wire [63:0] low1 = amount[0] ? {high2[7:0], low2[63:8]} : low2;
  wire [63:0] high1 = amount[0] ? {low2[7:0], high2[63:8]} : high2;
  assign out = {high1, low1};
endmodule
