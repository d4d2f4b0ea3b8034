`timescale 1ns/1ps
`default_nettype none
// A registered product of 17 by 17 bits, signed: one multiplier of every family. `p` has its low 32 bits, which is all of a product of
// two halves of 16 bits, signed or not.
module cx_proc_product (
    input  wire               clk,
    input  wire               enable,
    input  wire signed [16:0] a,
    input  wire signed [16:0] b,
    output reg         [31:0] p
);
  wire signed [33:0] full = a * b;
  wire unused = &{1'b0, full[33:32]};
  always @(posedge clk) if (enable) p <= full[31:0];
endmodule
