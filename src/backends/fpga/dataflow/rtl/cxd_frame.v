`timescale 1ns/1ps
`default_nettype none
// Counts the words of a frame: last goes with the last one. fault stays high after a word whose given last differs.
module cxd_frame #(
    parameter WORDS = 64
) (
    input wire clk,
    input wire rst,
    input wire move,
    input wire given,
    output wire last,
    output reg fault
);
  localparam C = (WORDS > 1) ? $clog2(WORDS) : 1;
  localparam integer END_I = WORDS - 1;
  localparam [C-1:0] END = END_I[C-1:0];
  reg [C-1:0] count;

  assign last = count == END;

  always @(posedge clk)
    if (rst) begin
      count <= 0;
      fault <= 1'b0;
    end else if (move) begin
      count <= last ? 0 : count + 1'b1;
      if (given != last) fault <= 1'b1;
    end
endmodule
