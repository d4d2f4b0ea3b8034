`timescale 1ns/1ps
`default_nettype none
`include "cx_isa.vh"
// All products of scalars and vectors, of 8 shared multipliers of 16 by 16 bits: wider operands are cut into halves by hand, since tools
// lose signs of wider multiplications. `cycle` counts from 0; results stand in cycle 1 (mul32, vdot16, vmull16s, vmulh16s), 2 (vmul32) and
// 3 (mul64, mulhu64).
module cx_proc_multiply (
    input  wire         clk,
    input  wire         enable,
    input  wire [  7:0] op,
    input  wire [  1:0] cycle,
    input  wire [ 63:0] a,
    input  wire [ 63:0] b,
    input  wire [127:0] va,
    input  wire [127:0] vb,
    output reg  [ 63:0] out,
    output reg  [127:0] vout
);
  wire scalar = op == `CX_OP_MUL32 || op == `CX_OP_MUL64 || op == `CX_OP_MULHU64;
  wire lanes = op == `CX_OP_VMUL32;
  wire halves_signed = !scalar && !lanes;
  wire second = cycle[0];

  wire [255:0] products;
  genvar i;
  generate
    for (i = 0; i < 4; i = i + 1) begin : pair
      // scalar: a quarter of a times each quarter of b; lanes: low a * low b, then high a * low b, beside low a * high b
      wire [15:0] scalar_low = second ? a[47:32] : a[15:0];
      wire [15:0] scalar_high = second ? a[63:48] : a[31:16];
      wire [15:0] lane_a = second ? va[32*i+16+:16] : va[32*i+:16];
      wire [15:0] a0 = scalar ? scalar_low : lanes ? lane_a : va[16*i+:16];
      wire [15:0] b0 = scalar ? b[16*i+:16] : lanes ? vb[32*i+:16] : vb[16*i+:16];
      wire [15:0] a1 = scalar ? scalar_high : lanes ? va[32*i+:16] : va[64+16*i+:16];
      wire [15:0] b1 = scalar ? b[16*i+:16] : lanes ? vb[32*i+16+:16] : vb[64+16*i+:16];
      wire signed [16:0] sa0 = {halves_signed && a0[15], a0};
      wire signed [16:0] sb0 = {halves_signed && b0[15], b0};
      wire signed [16:0] sa1 = {halves_signed && a1[15], a1};
      wire signed [16:0] sb1 = {halves_signed && b1[15], b1};
      cx_proc_product product0 (
          .clk   (clk),
          .enable(enable),
          .a     (sa0),
          .b     (sb0),
          .p     (products[32*i+:32])
      );
      cx_proc_product product1 (
          .clk   (clk),
          .enable(enable),
          .a     (sa1),
          .b     (sb1),
          .p     (products[128+32*i+:32])
      );
    end
  endgenerate

  wire [31:0] p0 = products[31:0];
  wire [31:0] p1 = products[63:32];
  wire [31:0] p2 = products[95:64];
  wire [31:0] p3 = products[127:96];
  wire [31:0] p4 = products[159:128];
  wire [31:0] p5 = products[191:160];
  wire [31:0] p6 = products[223:192];
  wire [31:0] p7 = products[255:224];

  // two quarters of a times b
  wire [95:0] row0 = {32'd0, p2, p0} + {16'd0, p3, p1, 16'd0};
  wire [95:0] row1 = {16'd0, p6, p4, 16'd0} + {p7, p5, 32'd0};
  reg [95:0] low;
  reg [95:0] high;
  wire [95:0] middle = {32'd0, low[95:32]} + high;
  wire [31:0] product32 = p0 + {p1[15:0] + p4[15:0], 16'd0};

  reg [127:0] partial;
  wire [127:0] first_lanes = {
    p3 + {p7[15:0], 16'd0}, p2 + {p6[15:0], 16'd0}, p1 + {p5[15:0], 16'd0}, p0 + {p4[15:0], 16'd0}
  };
  wire [127:0] all_lanes = {
    partial[127:96] + {p3[15:0], 16'd0},
    partial[95:64] + {p2[15:0], 16'd0},
    partial[63:32] + {p1[15:0], 16'd0},
    partial[31:0] + {p0[15:0], 16'd0}
  };

  always @(posedge clk)
    if (enable) begin
      if (cycle == 2'd1) low <= row0 + row1;
      high    <= row0 + row1;
      partial <= first_lanes;
    end

  always @* begin
    out  = 64'd0;
    vout = 128'd0;
    if (enable)
      case (op)
        `CX_OP_MUL32:    out = {{32{product32[31]}}, product32};
        `CX_OP_MUL64:    out = {middle[31:0], low[31:0]};
        `CX_OP_MULHU64:  out = middle[95:32];
        `CX_OP_VMUL32:   vout = all_lanes;
        `CX_OP_VDOT16:   vout = {p6 + p7, p4 + p5, p2 + p3, p0 + p1};
        `CX_OP_VMULL16S: vout = {p3, p2, p1, p0};
        default:         vout = {p7, p6, p5, p4};
      endcase
  end
endmodule
