`timescale 1ns/1ps
`default_nettype none
`include "cx_isa.vh"
// Scalar instructions of one cycle, and the conditions of jumps. `out` is 0 while `enable` is.
module cx_alu (
    input  wire        enable,
    input  wire [ 7:0] op,
    input  wire [63:0] a,
    // the immediate, sign-extended, where the instruction has one
    input  wire [63:0] b,
    input  wire [63:0] c,
    output reg  [63:0] out,
    output reg         jumps
);
  wire is_add = op == `CX_OP_ADD32 || op == `CX_OP_ADDI32 || op == `CX_OP_ADD64 || op == `CX_OP_ADDI64;
  wire [63:0] second = is_add ? b : ~b;
  wire [64:0] sum = {1'b0, a} + {1'b0, second} + {64'd0, !is_add};
  wire [63:0] sum32 = {{32{sum[31]}}, sum[31:0]};
  // of a - b
  wire equal = a == b;
  wire below = !sum[64];
  wire less = a[63] == b[63] ? below : a[63];

  // shifts: operands of 32 bits are extended to 64
  wire shift64 = op >= `CX_OP_ADD64;
  wire arithmetic = op == `CX_OP_SHR32S || op == `CX_OP_SHRI32S || op == `CX_OP_SHR64S || op == `CX_OP_SHRI64S;
  wire [5:0] amount = {shift64 && b[5], b[4:0]};
  wire fill = arithmetic && (shift64 ? a[63] : a[31]);
  wire [63:0] shifted = {shift64 ? a[63:32] : {32{fill}}, a[31:0]};
  reg [63:0] left;
  reg signed [64:0] extended;
  reg signed [64:0] right;

  // leading zeros: halves of a number until one bit is left
  reg [63:0] n64;
  reg [31:0] n32;
  reg [15:0] n16;
  reg [7:0] n8;
  reg [3:0] n4;
  reg [6:0] zeros;
  wire unused = &{1'b0, right[64], n4[0]};

  always @* begin
    left     = 64'bx;
    extended = 65'bx;
    right    = 65'bx;
    n64      = 64'bx;
    n32      = 32'bx;
    n16      = 16'bx;
    n8       = 8'bx;
    n4       = 4'bx;
    zeros    = 7'bx;
    out      = 64'd0;
    if (enable)
      case (op)
        `CX_OP_LI:                                           out = b;
        `CX_OP_LIH:                                          out = {b[31:0], a[31:0]};
        `CX_OP_ADD32, `CX_OP_ADDI32, `CX_OP_SUB32:           out = sum32;
        `CX_OP_ADD64, `CX_OP_ADDI64, `CX_OP_SUB64:           out = sum[63:0];
        `CX_OP_SHL32, `CX_OP_SHLI32, `CX_OP_SHL64, `CX_OP_SHLI64: begin
          left = shifted << amount;
          out  = shift64 ? left : {{32{left[31]}}, left[31:0]};
        end
        `CX_OP_SHR32S, `CX_OP_SHRI32S, `CX_OP_SHR64S, `CX_OP_SHRI64S, `CX_OP_SHR32U, `CX_OP_SHRI32U, `CX_OP_SHR64U, `CX_OP_SHRI64U: begin
          extended = {fill, shifted};
          right    = extended >>> amount;
          out      = shift64 ? right[63:0] : {{32{right[31]}}, right[31:0]};
        end
        `CX_OP_CLZ32, `CX_OP_CLZ64: begin
          n64      = op == `CX_OP_CLZ64 ? a : {a[31:0], 32'hffffffff};
          zeros[5] = n64[63:32] == 32'd0;
          n32      = zeros[5] ? n64[31:0] : n64[63:32];
          zeros[4] = n32[31:16] == 16'd0;
          n16      = zeros[4] ? n32[15:0] : n32[31:16];
          zeros[3] = n16[15:8] == 8'd0;
          n8       = zeros[3] ? n16[7:0] : n16[15:8];
          zeros[2] = n8[7:4] == 4'd0;
          n4       = zeros[2] ? n8[3:0] : n8[7:4];
          zeros[1] = n4[3:2] == 2'd0;
          zeros[0] = zeros[1] ? !n4[1] : !n4[3];
          if (n64 == 64'd0) zeros = 7'd64;
          out = {57'd0, zeros};
        end
        `CX_OP_SEXT32:                                       out = {{32{a[31]}}, a[31:0]};
        `CX_OP_ZEXT32:                                       out = {32'd0, a[31:0]};
        `CX_OP_SEXT8:                                        out = {{56{a[7]}}, a[7:0]};
        `CX_OP_SEXT16:                                       out = {{48{a[15]}}, a[15:0]};
        `CX_OP_AND, `CX_OP_ANDI:                             out = a & b;
        `CX_OP_OR:                                           out = a | b;
        `CX_OP_XOR, `CX_OP_XORI:                             out = a ^ b;
        `CX_OP_EQ:                                           out = {63'd0, equal};
        `CX_OP_NE:                                           out = {63'd0, !equal};
        `CX_OP_LTS:                                          out = {63'd0, less};
        `CX_OP_LTU:                                          out = {63'd0, below};
        `CX_OP_LES:                                          out = {63'd0, less || equal};
        `CX_OP_LEU:                                          out = {63'd0, below || equal};
        `CX_OP_SEL:                                          out = c != 64'd0 ? a : b;
        default: ;
      endcase
  end

  always @*
    case (op)
      `CX_OP_JZ:   jumps = a == 64'd0;
      `CX_OP_JNZ:  jumps = a != 64'd0;
      `CX_OP_BEQ:  jumps = equal;
      `CX_OP_BNE:  jumps = !equal;
      `CX_OP_BLT:  jumps = less;
      `CX_OP_BGE:  jumps = !less;
      `CX_OP_BLTU: jumps = below;
      `CX_OP_BGEU: jumps = !below;
      default:     jumps = 1'b1;
    endcase
endmodule
