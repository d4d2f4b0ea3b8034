`timescale 1ns/1ps
`default_nettype none

// Sums of VI products (16, 8 or 4) for two lanes with VI multipliers: x ((w_b << 18) + w_a) has both products, in fields of 18 bits. Four packed products
// are added before the fields are split; 4 x 2^14 < 2^17, so the low field is exact. Ports as those of cx_dot; product 0 belongs to lane a
// and product 1 to lane b in depthwise.
module cx_dot_pair #(
    parameter AW = 8,
    parameter WW = 8,
    parameter VI = 16
) (
    input wire clk,
    input wire v1,
    input wire v2,
    input wire v3,
    input wire v4,
    input wire depthwise1,
    input wire [WW-1:0] own_a1,
    input wire [WW-1:0] own_b1,
    input wire [VI*WW-1:0] wa1,
    input wire [VI*WW-1:0] wb1,
    input wire [AW-1:0] own_a2,   // x of product 0
    input wire [AW-1:0] own_b2,   // x of product 1
    input wire [(VI-2)*AW-1:0] x2,  // x of the others
    output reg signed [AW+WW+3:0] sum_a5,
    output reg signed [AW+WW+3:0] sum_b5
);
  localparam P = AW + WW;
  localparam F = 18;
  localparam Q = F + WW + 1;  // a packed weight
  localparam S = Q + AW + 2;  // a sum of four packed products
  localparam H = P + 2;  // of one lane; fits F bits
  wire [VI*(Q+AW)-1:0] p3;
  wire [4*H-1:0] low4, high4;

  genvar i;
  generate
    for (i = 0; i < VI; i = i + 1) begin : product
      wire signed [WW-1:0] a;
      wire signed [WW-1:0] b;
      reg signed [Q-1:0] w;
      wire signed [AW-1:0] x;
      if (i == 0) begin : first
        assign a = depthwise1 ? own_a1 : wa1[WW-1:0];
        assign b = depthwise1 ? {WW{1'b0}} : wb1[WW-1:0];
        assign x = own_a2;
      end else if (i == 1) begin : second
        assign a = depthwise1 ? {WW{1'b0}} : wa1[2*WW-1:WW];
        assign b = depthwise1 ? own_b1 : wb1[2*WW-1:WW];
        assign x = own_b2;
      end else begin : other
        assign a = wa1[i*WW+:WW];
        assign b = wb1[i*WW+:WW];
        assign x = x2[(i-2)*AW+:AW];
      end
      wire signed [Q-1:0] wide_a = {{Q - WW{a[WW-1]}}, a};
      wire signed [Q-1:0] wide_b = {b[WW-1], b, {F{1'b0}}};
      reg signed [Q+AW-1:0] p;
      always @(posedge clk) begin
        if (v1) w <= wide_a + wide_b;
        if (v2) p <= w * x;
      end
      assign p3[i*(Q+AW)+:Q+AW] = p;
    end
    for (i = 0; i < VI / 4; i = i + 1) begin : four
      wire signed [S-1:0] sum;
      reg signed [S-1:0] s;
      cx_sum4 #(.W(S - 2)) add (.in(p3[4*i*(S-2)+:4*(S-2)]), .sum(sum));
      always @(posedge clk) if (v3) s <= sum;
      assign low4[i*H+:H] = s[H-1:0];
      // the borrow of a negative low field
      assign high4[i*H+:H] = s[F+H-1:F] + {{H - 1{1'b0}}, s[F-1]};
    end
    if (VI < 16) begin : fewer
      assign low4[4*H-1:VI/4*H] = 0;
      assign high4[4*H-1:VI/4*H] = 0;
    end
  endgenerate

  wire signed [H+1:0] low, high;
  cx_sum4 #(.W(H)) add_low (.in(low4), .sum(low));
  cx_sum4 #(.W(H)) add_high (.in(high4), .sum(high));
  always @(posedge clk)
    if (v4) begin
      sum_a5 <= low;
      sum_b5 <= high;
    end
endmodule
