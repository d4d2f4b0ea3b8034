`timescale 1ns/1ps
`default_nettype none
// Memory with one write port and one registered read port. What is read of an address while it is written is undefined.
module cxd_ram #(
    parameter W = 8,
    parameter DEPTH = 16,
    parameter A = (DEPTH > 1) ? $clog2(DEPTH) : 1
) (
    input wire clk,
    input wire we,
    input wire [A-1:0] waddr,
    input wire [W-1:0] wdata,
    input wire re,
    input wire [A-1:0] raddr,
    output reg [W-1:0] rdata
);
  reg [W-1:0] mem[0:DEPTH-1];

  always @(posedge clk) begin
    if (we) mem[waddr] <= wdata;
    if (re) rdata <= mem[raddr];
  end
endmodule
