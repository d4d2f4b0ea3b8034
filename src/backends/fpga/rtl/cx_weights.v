`timescale 1ns/1ps
`default_nettype none

// Weights of one output lane: an entry has 16 values of WW bits, written whole (row) or one value of them (transposed loads).
module cx_weights #(
    parameter WW = 8,
    parameter ENTRIES = 512,
    parameter A = 9
) (
    input wire clk,
    input wire [15:0] we,  // by value
    input wire [A-1:0] wa,
    input wire [16*WW-1:0] wd,
    input wire re,
    input wire [A-1:0] ra,
    output reg [16*WW-1:0] rd
);
  reg [16*WW-1:0] mem[0:ENTRIES-1];
  integer i;
  always @(posedge clk) begin
    if (we != 16'd0)
      for (i = 0; i < 16; i = i + 1) if (we[i]) mem[wa][i*WW+:WW] <= wd[i*WW+:WW];
    if (re) rd <= mem[ra];
  end
endmodule
