`timescale 1ns/1ps
`default_nettype none
// Memory with one write port and one registered read port. What is read of an address while it is written is undefined.
module cx_ram #(
    parameter WIDTH = 64,
    parameter DEPTH = 512
) (
    input  wire                     clk,
    input  wire                     we,
    input  wire [$clog2(DEPTH)-1:0] waddr,
    input  wire [        WIDTH-1:0] wdata,
    input  wire [$clog2(DEPTH)-1:0] raddr,
    output reg  [        WIDTH-1:0] rdata
);
  reg [WIDTH-1:0] mem[0:DEPTH-1];

  always @(posedge clk) begin
    if (we) mem[waddr] <= wdata;
    rdata <= mem[raddr];
  end
endmodule
