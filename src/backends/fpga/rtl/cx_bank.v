`timescale 1ns/1ps
`default_nettype none

// Memory with one write and one read port; the read data come a cycle after the address.
module cx_bank #(
    parameter W = 128,
    parameter ENTRIES = 2048,
    parameter A = 11
) (
    input wire clk,
    input wire we,
    input wire [A-1:0] wa,
    input wire [W-1:0] wd,
    input wire re,
    input wire [A-1:0] ra,
    output reg [W-1:0] rd
);
  reg [W-1:0] mem[0:ENTRIES-1];
  always @(posedge clk) begin
    if (we) mem[wa] <= wd;
    if (re) rd <= mem[ra];
  end
endmodule
