`timescale 1ns/1ps
`default_nettype none

// Accumulator of one output lane: adds sums of products or bytes, or keeps the greatest byte.
module cx_lane #(
    parameter D = 20,
    parameter ACC = 32
) (
    input wire clk,
    input wire v5,
    input wire first5,
    input wire bytes5,  // sum or max: x5 counts, not dot5
    input wire max5,
    input wire signed [D-1:0] dot5,
    input wire signed [7:0] x5,
    output reg signed [ACC-1:0] acc
);
  wire signed [ACC-1:0] wide_x = {{ACC - 8{x5[7]}}, x5};
  wire signed [ACC-1:0] wide_dot = {{ACC - D{dot5[D-1]}}, dot5};
  wire signed [7:0] kept = acc[7:0];
  wire greater = first5 | x5 > kept;
  wire signed [ACC-1:0] from = first5 ? {ACC{1'b0}} : acc;
  wire signed [ACC-1:0] by = bytes5 ? wide_x : wide_dot;
  always @(posedge clk)
    if (v5) begin
      if (max5) begin
        if (greater) acc <= wide_x;
      end else acc <= from + by;
    end
endmodule
