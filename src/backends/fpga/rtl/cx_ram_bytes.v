`timescale 1ns/1ps
`default_nettype none
// As cx_ram, of 64 bits, with an enable for each byte.
module cx_ram_bytes #(
    parameter DEPTH = 512
) (
    input  wire                     clk,
    input  wire [              7:0] we,
    input  wire [$clog2(DEPTH)-1:0] waddr,
    input  wire [             63:0] wdata,
    input  wire [$clog2(DEPTH)-1:0] raddr,
    output reg  [             63:0] rdata
);
  reg [63:0] mem[0:DEPTH-1];

  always @(posedge clk) begin
    if (we[0]) mem[waddr][7:0] <= wdata[7:0];
    if (we[1]) mem[waddr][15:8] <= wdata[15:8];
    if (we[2]) mem[waddr][23:16] <= wdata[23:16];
    if (we[3]) mem[waddr][31:24] <= wdata[31:24];
    if (we[4]) mem[waddr][39:32] <= wdata[39:32];
    if (we[5]) mem[waddr][47:40] <= wdata[47:40];
    if (we[6]) mem[waddr][55:48] <= wdata[55:48];
    if (we[7]) mem[waddr][63:56] <= wdata[63:56];
    rdata <= mem[raddr];
  end
endmodule
