`timescale 1ns/1ps
`default_nettype none

// A group of 16 lanes: from a beat of activations (stage 1) and the weights of all lanes to accumulators (stage 6). VI inputs of the beat
// count in a cycle of mode dot, those of `turn1`; PACK = 1 has two lanes share multipliers.
module cx_group #(
    parameter AW = 8,
    parameter WW = 8,
    parameter VI = 16,
    parameter ACC = 32,
    parameter PACK = 0
) (
    input wire clk,
    input wire v1,
    input wire v2,
    input wire v3,
    input wire v4,
    input wire v5,
    input wire first5,
    input wire depthwise,
    input wire products,
    input wire max,
    input wire keep1,  // the beat is an operand
    input wire [3:0] turn1,  // first input that counts
    input wire [127:0] x1,
    input wire [16*VI*WW-1:0] w1,  // by lane
    input wire [16*WW-1:0] own1,  // of depthwise, by lane
    output reg [127:0] x2,
    output wire [16*ACC-1:0] acc6
);
  localparam D = AW + WW + 4;
  wire [AW*16-1:0] narrow1;
  wire [AW*VI-1:0] part1 = narrow1[turn1*AW+:AW*VI];
  reg [AW*(VI-1)-1:0] others2;  // values 1 and on for the multipliers, 0 in depthwise
  reg [127:0] bytes3, bytes4, bytes5;
  wire p1 = v1 & products;
  wire p2 = v2 & products;
  wire p3 = v3 & products;
  wire p4 = v4 & products;
  always @(posedge clk) begin
    if (keep1) x2 <= x1;
    if (v1) others2 <= depthwise ? {(VI - 1) * AW{1'b0}} : part1[VI*AW-1:AW];
    if (!products) begin
      bytes3 <= x2;
      bytes4 <= bytes3;
      bytes5 <= bytes4;
    end
  end

  genvar i;
  generate
    for (i = 0; i < 16; i = i + 1) begin : narrow
      assign narrow1[i*AW+:AW] = x1[8*i+:AW];
    end
    for (i = 0; i < 16; i = i + 2) begin : pair
      wire signed [D-1:0] sum_a5, sum_b5;
      reg [AW-1:0] own_a2, own_b2;
      always @(posedge clk)
        if (v1) begin
          own_a2 <= depthwise ? narrow1[i*AW+:AW] : part1[0+:AW];
          own_b2 <= depthwise ? narrow1[(i+1)*AW+:AW] : part1[PACK*AW+:AW];
        end
      if (PACK == 0) begin : single
        cx_dot #(.AW(AW), .WW(WW), .VI(VI)) dot_a (
            .clk(clk), .v1(p1), .v2(p2), .v3(p3), .v4(p4), .depthwise1(depthwise), .own1(own1[i*WW+:WW]), .w1(w1[i*VI*WW+:VI*WW]),
            .own2(own_a2), .x2(others2), .sum5(sum_a5));
        cx_dot #(.AW(AW), .WW(WW), .VI(VI)) dot_b (
            .clk(clk), .v1(p1), .v2(p2), .v3(p3), .v4(p4), .depthwise1(depthwise), .own1(own1[(i+1)*WW+:WW]),
            .w1(w1[(i+1)*VI*WW+:VI*WW]), .own2(own_b2), .x2(others2), .sum5(sum_b5));
      end else begin : packed_pair
        cx_dot_pair #(.AW(AW), .WW(WW), .VI(VI)) dots (
            .clk(clk), .v1(p1), .v2(p2), .v3(p3), .v4(p4), .depthwise1(depthwise), .own_a1(own1[i*WW+:WW]), .own_b1(own1[(i+1)*WW+:WW]),
            .wa1(w1[i*VI*WW+:VI*WW]), .wb1(w1[(i+1)*VI*WW+:VI*WW]), .own_a2(own_a2), .own_b2(own_b2), .x2(others2[AW*(VI-1)-1:AW]),
            .sum_a5(sum_a5), .sum_b5(sum_b5));
      end
      cx_lane #(.D(D), .ACC(ACC)) lane_a (
          .clk(clk), .v5(v5), .first5(first5), .bytes5(!products), .max5(max), .dot5(sum_a5), .x5(bytes5[8*i+:8]),
          .acc(acc6[ACC*i+:ACC]));
      cx_lane #(.D(D), .ACC(ACC)) lane_b (
          .clk(clk), .v5(v5), .first5(first5), .bytes5(!products), .max5(max), .dot5(sum_b5), .x5(bytes5[8*i+8+:8]),
          .acc(acc6[ACC*i+ACC+:ACC]));
    end
  endgenerate
  wire unused = &{1'b0, others2, x1};
endmodule
