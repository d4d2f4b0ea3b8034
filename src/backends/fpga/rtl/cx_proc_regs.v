`timescale 1ns/1ps
`default_nettype none
// 64 registers, one write port and three reads in the same cycle. Registers that were never written hold anything.
module cx_proc_regs #(
    parameter WIDTH = 64
) (
    input  wire             clk,
    input  wire             we,
    input  wire [      5:0] rd,
    input  wire [WIDTH-1:0] wdata,
    input  wire [      5:0] ra,
    input  wire [      5:0] rb,
    input  wire [      5:0] rc,
    output wire [WIDTH-1:0] a,
    output wire [WIDTH-1:0] b,
    output wire [WIDTH-1:0] c
);
  reg [WIDTH-1:0] mem[0:63];

  always @(posedge clk) if (we) mem[rd] <= wdata;
  assign a = mem[ra];
  assign b = mem[rb];
  assign c = mem[rc];
endmodule
