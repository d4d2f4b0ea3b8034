`timescale 1ns/1ps
`default_nettype none
// Shifts of elements of 16, 32 or 64 bits in 64 bits: elements are turned to the right in their own width, then bits that came around
// are replaced. `out` is 0 while `enable` is.
module cx_valu_shift (
    input  wire        enable,
    input  wire        left,
    input  wire        arithmetic,
    // elements of 16 bits; of 64; of 32 where neither
    input  wire        halves,
    input  wire        joined,
    input  wire [ 5:0] amount,
    input  wire [63:0] in,
    output reg  [63:0] out
);
  reg [5:0] turn;
  reg [63:0] x;
  reg [63:0] above;
  wire unused = &{1'b0, above};
  reg [63:0] kept;
  reg [63:0] fill;
  reg [31:0] kept32;
  reg [15:0] kept16;

  // the 16 bits that follow those of each quarter in its element
  function [63:0] following;
    input of_halves;
    input of_joined;
    input [63:0] q;
    following = of_halves ? q : of_joined ? {q[15:0], q[63:16]} : {q[47:32], q[63:48], q[15:0], q[31:16]};
  endfunction

  always @* begin
    turn = 6'bx;
    x = 64'bx;
    above = 64'bx;
    kept = 64'bx;
    fill = 64'bx;
    kept32 = 32'bx;
    kept16 = 16'bx;
    out = 64'd0;
    if (enable) begin
      turn = left ? 6'd0 - amount : amount;
      x = in;
      if (turn[5] && joined) x = {x[31:0], x[63:32]};
      if (turn[4] && !halves) x = following(halves, joined, x);
      above = following(halves, joined, x);
      if (turn[3]) x = {above[55:48], x[63:56], above[39:32], x[47:40], above[23:16], x[31:24], above[7:0], x[15:8]};
      above = following(halves, joined, x);
      if (turn[2]) x = {above[51:48], x[63:52], above[35:32], x[47:36], above[19:16], x[31:20], above[3:0], x[15:4]};
      above = following(halves, joined, x);
      if (turn[1]) x = {above[49:48], x[63:50], above[33:32], x[47:34], above[17:16], x[31:18], above[1:0], x[15:2]};
      above = following(halves, joined, x);
      if (turn[0]) x = {above[48], x[63:49], above[32], x[47:33], above[16], x[31:17], above[0], x[15:1]};
      kept16 = left ? 16'hffff << amount[3:0] : 16'hffff >> amount[3:0];
      kept32 = left ? 32'hffffffff << amount[4:0] : 32'hffffffff >> amount[4:0];
      kept = left ? 64'hffffffffffffffff << amount : 64'hffffffffffffffff >> amount;
      if (halves) begin
        kept = {4{kept16}};
        fill = {{16{in[63]}}, {16{in[47]}}, {16{in[31]}}, {16{in[15]}}};
      end else if (joined) fill = {64{in[63]}};
      else begin
        kept = {2{kept32}};
        fill = {{32{in[63]}}, {32{in[31]}}};
      end
      out = (x & kept) | (arithmetic ? fill & ~kept : 64'd0);
    end
  end
endmodule
