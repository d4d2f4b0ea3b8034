`timescale 1ns/1ps
`default_nettype none
// One byte of 32: byte `from` of va (0-15) or vb (16-31). 0 while `enable` is.
module cx_valu_pick (
    input  wire         enable,
    input  wire [  4:0] from,
    input  wire [127:0] va,
    input  wire [127:0] vb,
    output reg  [  7:0] out
);
  reg [63:0] half;
  reg [31:0] word;
  reg [15:0] pair;

  always @* begin
    half = 64'bx;
    word = 32'bx;
    pair = 16'bx;
    out = 8'd0;
    if (enable) begin
      case (from[4:3])
        2'd0: half = va[63:0];
        2'd1: half = va[127:64];
        2'd2: half = vb[63:0];
        2'd3: half = vb[127:64];
      endcase
      word = from[2] ? half[63:32] : half[31:0];
      pair = from[1] ? word[31:16] : word[15:0];
      out  = from[0] ? pair[15:8] : pair[7:0];
    end
  end
endmodule
