`timescale 1ns/1ps
`default_nettype none
`include "cx_isa.vh"
// Which unit executes an instruction, and in how many cycles where that is fixed.
module cx_proc_decode (
    input  wire [7:0] op,
    output wire       legal,
    output wire       writes_scalar,
    output wire       writes_vector,
    output wire       b_is_immediate,
    // Exactly one of these for a legal instruction; `system`: those that end, wait or tell.
    output wire       is_alu,
    output wire       is_jump,
    output wire       is_divide,
    output wire       is_multiply,
    output wire       is_load,
    output wire       is_store,
    output wire       is_lanes,
    output wire       is_shift,
    output wire       is_permute,
    output wire       is_system,
    // cycles of a product, less 1
    output wire [1:0] wait_multiply
);
  assign legal = `CX_IS_LEGAL(op);
  assign writes_scalar = `CX_WRITES_SCALAR(op);
  assign writes_vector = `CX_WRITES_VECTOR(op);
  assign b_is_immediate = `CX_B_IS_IMMEDIATE(op);

  assign is_jump = op >= `CX_OP_JMP && op <= `CX_OP_BGEU;
  assign is_divide = (op >= `CX_OP_DIV32S && op <= `CX_OP_REM32U) || (op >= `CX_OP_DIV64S && op <= `CX_OP_REM64U);
  wire slow_product = op == `CX_OP_MUL64 || op == `CX_OP_MULHU64;
  wire vector_product = op >= `CX_OP_VDOT16 && op <= `CX_OP_VMULH16S;
  assign is_multiply = op == `CX_OP_MUL32 || op == `CX_OP_VMUL32 || slow_product || vector_product;
  assign is_alu = op >= `CX_OP_LI && op <= `CX_OP_SEL && !is_divide && !is_multiply;
  assign is_store = (op >= `CX_OP_ST8 && op <= `CX_OP_ST64) || op == `CX_OP_VST || (op >= `CX_OP_VSTLANE8 && op <= `CX_OP_VSTLANE64);
  assign is_load = op >= `CX_OP_LD8S && op <= `CX_OP_VSTLANE64 && !is_store;
  assign is_shift = op == `CX_OP_VSHL16 || op == `CX_OP_VSHR16S || (op >= `CX_OP_VSHL32 && op <= `CX_OP_VSHR32U) || op >= `CX_OP_VSHL64;
  assign is_permute = (op >= `CX_OP_VSPLAT8 && op <= `CX_OP_VINS32) || op == `CX_OP_VSHUFFLE || (op >= `CX_OP_VNARROW16S && op <= `CX_OP_VNARROW32S)
      || (op >= `CX_OP_VEXTL8S && op <= `CX_OP_VEXTH32U);
  assign is_lanes = op >= `CX_OP_VMOV && !is_permute && !is_shift && !is_multiply;
  assign is_system = op <= `CX_OP_TRAP || (op >= `CX_OP_DFLUSH && op <= `CX_OP_MARK);
  assign wait_multiply = slow_product ? 2'd3 : op == `CX_OP_VMUL32 ? 2'd2 : 2'd1;
endmodule
