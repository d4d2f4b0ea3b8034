`timescale 1ns/1ps
`default_nettype none

// Sum of VI products (16, 8 or 4), one lane. Inputs are taken in the cycle of their stage: w at the output of the weight memory (stage 1), x after its
// register (stage 2); the sum is there in stage 5.
module cx_dot #(
    parameter AW = 8,
    parameter WW = 8,
    parameter VI = 16
) (
    input wire clk,
    input wire v1,
    input wire v2,
    input wire v3,
    input wire v4,
    input wire depthwise1,      // product 0 alone counts, with the weight own1: the other inputs of x are 0
    input wire [WW-1:0] own1,
    input wire [VI*WW-1:0] w1,
    input wire [AW-1:0] own2,     // x of product 0
    input wire [(VI-1)*AW-1:0] x2,  // x of the others
    output reg signed [AW+WW+3:0] sum5
);
  localparam P = AW + WW;
  reg [VI*WW-1:0] w2;
  wire [VI*P-1:0] p3;
  wire [4*(P+2)-1:0] s4;

  always @(posedge clk) if (v1) w2 <= {w1[VI*WW-1:WW], depthwise1 ? own1 : w1[WW-1:0]};

  genvar i;
  generate
    for (i = 0; i < VI; i = i + 1) begin : product
      wire signed [AW-1:0] a;
      wire signed [WW-1:0] b = w2[i*WW+:WW];
      reg signed [P-1:0] p;
      if (i == 0) assign a = own2;
      else assign a = x2[(i-1)*AW+:AW];
      always @(posedge clk) if (v2) p <= a * b;
      assign p3[i*P+:P] = p;
    end
    for (i = 0; i < VI / 4; i = i + 1) begin : four
      wire signed [P+1:0] sum;
      reg signed [P+1:0] s;
      cx_sum4 #(.W(P)) add (.in(p3[4*i*P+:4*P]), .sum(sum));
      always @(posedge clk) if (v3) s <= sum;
      assign s4[i*(P+2)+:P+2] = s;
    end
    if (VI < 16) begin : fewer
      assign s4[4*(P+2)-1:VI/4*(P+2)] = 0;
    end
  endgenerate

  wire signed [P+3:0] total;
  cx_sum4 #(.W(P + 2)) add (.in(s4), .sum(total));
  always @(posedge clk) if (v4) sum5 <= total;
endmodule
