`timescale 1ns/1ps
`default_nettype none
// Memory with contents from a file of hexadecimal words, and one registered read port.
module cxd_rom #(
    parameter W = 8,
    parameter DEPTH = 16,
    parameter FILE = "",
    parameter A = (DEPTH > 1) ? $clog2(DEPTH) : 1
) (
    input wire clk,
    input wire re,
    input wire [A-1:0] addr,
    output reg [W-1:0] q
);
  reg [W-1:0] mem[0:DEPTH-1];

  generate
    if (FILE != "") begin : filled
      initial $readmemh(FILE, mem);
    end
  endgenerate

  always @(posedge clk) if (re) q <= mem[addr];
endmodule
