`timescale 1ns/1ps
`default_nettype none

// Sum of four signed values.
module cx_sum4 #(
    parameter W = 16
) (
    input wire [4*W-1:0] in,
    output wire signed [W+1:0] sum
);
  wire signed [W+1:0] a = {{2{in[W-1]}}, in[W-1:0]};
  wire signed [W+1:0] b = {{2{in[2*W-1]}}, in[2*W-1:W]};
  wire signed [W+1:0] c = {{2{in[3*W-1]}}, in[3*W-1:2*W]};
  wire signed [W+1:0] d = {{2{in[4*W-1]}}, in[4*W-1:3*W]};
  assign sum = (a + b) + (c + d);
endmodule
