`timescale 1ns/1ps
`default_nettype none
`include "cx_isa.vh"
// Vector instructions of one cycle. `out` is 0 while none of the `is_` inputs is set; `extracted` is the scalar of vext32 and vext64.
module cx_valu (
    input  wire         is_lanes,
    input  wire         is_shift,
    input  wire         is_permute,
    input  wire [  7:0] op,
    // bits of field rc: a lane number
    input  wire [  1:0] lane,
    input  wire [ 63:0] a,
    // the low 6 bits of scalar b
    input  wire [  5:0] amount,
    // scalar c is not 0
    input  wire         chosen,
    input  wire [127:0] va,
    input  wire [127:0] vb,
    input  wire [127:0] vc,
    output reg  [127:0] out,
    output wire [ 63:0] extracted
);
  wire bytes = op >= `CX_OP_VADD8 && op <= `CX_OP_VMIN8U;
  wire halves = op >= `CX_OP_VADD16 && op <= `CX_OP_VMIN16S;
  wire joined = op == `CX_OP_VADD64 || op == `CX_OP_VSUB64;
  wire is_add = op == `CX_OP_VADD8 || op == `CX_OP_VADD16 || op == `CX_OP_VADDS16 || op == `CX_OP_VADD32 || op == `CX_OP_VADD64;
  wire is_sub = op == `CX_OP_VSUB16 || op == `CX_OP_VSUB32 || op == `CX_OP_VSUB64;
  wire is_max = op == `CX_OP_VMAX8S || op == `CX_OP_VMAX8U || op == `CX_OP_VMAX16S || op == `CX_OP_VMAX32S;
  wire is_min = op == `CX_OP_VMIN8S || op == `CX_OP_VMIN8U || op == `CX_OP_VMIN16S || op == `CX_OP_VMIN32S;
  wire is_unsigned = op == `CX_OP_VMAX8U || op == `CX_OP_VMIN8U || joined;
  wire is_abs = op == `CX_OP_VABS32;
  wire negates = op == `CX_OP_VNEG32 || is_abs;
  wire is_logic = op == `CX_OP_VAND || op == `CX_OP_VOR || op == `CX_OP_VXOR || op == `CX_OP_VANDNOT;
  wire [1:0] logic_kind = op == `CX_OP_VAND ? 2'd0 : op == `CX_OP_VOR ? 2'd1 : op == `CX_OP_VXOR ? 2'd2 : 2'd3;
  wire moves = op == `CX_OP_VMOV;
  wire selects = op == `CX_OP_VSEL;
  wire subtract = !is_add;

  wire [3:0] carry_out;
  wire unused = &{1'b0, carry_out[3], carry_out[1]};
  wire [127:0] by_lane;
  wire [127:0] shifted;
  wire [127:0] permuted;

  genvar i;
  generate
    for (i = 0; i < 4; i = i + 1) begin : word
      wire [31:0] a_word = va[32*i+:32];
      wire carry_below;
      if (i % 2 == 1) assign carry_below = joined ? carry_out[i-1] : subtract;
      else assign carry_below = subtract;
      cx_valu_lane lanes (
          .bytes        (bytes),
          .halves       (halves),
          .subtract     (subtract),
          .is_unsigned  (is_unsigned),
          .carry_in     (carry_below),
          .get_sum      (is_lanes && ((is_add && op != `CX_OP_VADDS16) || is_sub || op == `CX_OP_VNEG32 || (is_abs && a_word[31]))),
          .get_saturated(is_lanes && op == `CX_OP_VADDS16),
          .get_max      (is_lanes && is_max),
          .get_min      (is_lanes && is_min),
          .get_equal    (is_lanes && op == `CX_OP_VEQ32),
          .get_greater  (is_lanes && op == `CX_OP_VGT32S),
          .get_logic    (is_lanes && is_logic),
          .logic_kind   (logic_kind),
          .get_select   (is_lanes && op == `CX_OP_VBITSEL),
          .get_a        (is_lanes && (moves || (selects && chosen) || (is_abs && !a_word[31]))),
          .get_b        (is_lanes && selects && !chosen),
          .a_is_zero    (negates),
          .a            (a_word),
          .b            (negates ? a_word : vb[32*i+:32]),
          .c            (vc[32*i+:32]),
          .carry_out    (carry_out[i]),
          .out          (by_lane[32*i+:32])
      );
    end
  endgenerate

  wire left = op == `CX_OP_VSHL16 || op == `CX_OP_VSHL32 || op == `CX_OP_VSHL64;
  wire arithmetic = op == `CX_OP_VSHR16S || op == `CX_OP_VSHR32S || op == `CX_OP_VSHR64S;
  wire shift16 = op == `CX_OP_VSHL16 || op == `CX_OP_VSHR16S;
  wire shift64 = op >= `CX_OP_VSHL64;
  cx_valu_shift shift_low (
      .enable    (is_shift),
      .left      (left),
      .arithmetic(arithmetic),
      .halves    (shift16),
      .joined    (shift64),
      .amount    (amount),
      .in        (va[63:0]),
      .out       (shifted[63:0])
  );
  cx_valu_shift shift_high (
      .enable    (is_shift),
      .left      (left),
      .arithmetic(arithmetic),
      .halves    (shift16),
      .joined    (shift64),
      .amount    (amount),
      .in        (va[127:64]),
      .out       (shifted[127:64])
  );

  cx_valu_permute permute (
      .enable   (is_permute),
      .op       (op),
      .lane     (lane),
      .a        (a),
      .va       (va),
      .vb       (vb),
      .vc       (vc),
      .out      (permuted),
      .extracted(extracted)
  );

  always @* out = by_lane | shifted | permuted;
endmodule
