`timescale 1ns/1ps
`default_nettype none
`include "cx_isa.vh"
// Vector instructions that move bytes: splats, lanes in and out, shuffles, extensions and narrowings. `out` is 0 while `enable` is.
module cx_valu_permute (
    input  wire         enable,
    input  wire [  7:0] op,
    input  wire [  1:0] lane,
    input  wire [ 63:0] a,
    input  wire [127:0] va,
    input  wire [127:0] vb,
    input  wire [127:0] vc,
    output reg  [127:0] out,
    output reg  [ 63:0] extracted
);
  wire [63:0] half_of_a = (op == `CX_OP_VEXT64 ? lane[0] : lane[1]) ? va[127:64] : va[63:0];
  wire [31:0] word_of_a = lane[0] ? half_of_a[63:32] : half_of_a[31:0];

  // extensions: the half, and whether signs are copied
  wire high = op == `CX_OP_VEXTH8S || op == `CX_OP_VEXTH8U || op == `CX_OP_VEXTH16S || op == `CX_OP_VEXTH16U || op == `CX_OP_VEXTH32S
      || op == `CX_OP_VEXTH32U;
  wire copies = op == `CX_OP_VEXTL8S || op == `CX_OP_VEXTH8S || op == `CX_OP_VEXTL16S || op == `CX_OP_VEXTH16S || op == `CX_OP_VEXTL32S
      || op == `CX_OP_VEXTH32S;
  wire [63:0] e = high ? va[127:64] : va[63:0];

  wire [127:0] shuffled;
  wire [127:0] narrow8;
  wire [127:0] narrow16;
  wire unused = &{1'b0, vc};
  wire to_unsigned = op == `CX_OP_VNARROW16U;
  wire shuffles = enable && op == `CX_OP_VSHUFFLE;
  genvar i;
  generate
    for (i = 0; i < 16; i = i + 1) begin : byte_out
      cx_valu_pick pick (
          .enable(shuffles),
          .from  (vc[8*i+:5]),
          .va    (va),
          .vb    (vb),
          .out   (shuffled[8*i+:8])
      );
    end
    for (i = 0; i < 8; i = i + 1) begin : half_in
      wire [15:0] x = va[16*i+:16];
      wire [15:0] y = vb[16*i+:16];
      wire [8:0] x_top = x[15:7];
      wire [8:0] y_top = y[15:7];
      wire x_over = to_unsigned ? x_top[8:1] != 8'd0 : x_top != {9{x[15]}};
      wire y_over = to_unsigned ? y_top[8:1] != 8'd0 : y_top != {9{y[15]}};
      assign narrow8[8*i+:8] = x_over ? {x[15] ^ to_unsigned, {7{!x[15]}}} : x[7:0];
      assign narrow8[64+8*i+:8] = y_over ? {y[15] ^ to_unsigned, {7{!y[15]}}} : y[7:0];
    end
    for (i = 0; i < 4; i = i + 1) begin : word_in
      wire [31:0] x = va[32*i+:32];
      wire [31:0] y = vb[32*i+:32];
      wire [16:0] x_top = x[31:15];
      wire [16:0] y_top = y[31:15];
      assign narrow16[16*i+:16] = x_top != {17{x[31]}} ? {x[31], {15{!x[31]}}} : x[15:0];
      assign narrow16[64+16*i+:16] = y_top != {17{y[31]}} ? {y[31], {15{!y[31]}}} : y[15:0];
    end
  endgenerate

  always @* begin
    out = 128'd0;
    extracted = 64'd0;
    if (enable)
      case (op)
        `CX_OP_VSPLAT8:                                          out = {16{a[7:0]}};
        `CX_OP_VSPLAT16:                                         out = {8{a[15:0]}};
        `CX_OP_VSPLAT32:                                         out = {4{a[31:0]}};
        `CX_OP_VSPLAT64:                                         out = {2{a}};
        `CX_OP_VEXT32:                                           extracted = {{32{word_of_a[31]}}, word_of_a};
        `CX_OP_VEXT64:                                           extracted = half_of_a;
        `CX_OP_VINS64:                                           out = lane[0] ? {a, vb[63:0]} : {vb[127:64], a};
        `CX_OP_VINS32:
        case (lane)
          2'd0: out = {vb[127:32], a[31:0]};
          2'd1: out = {vb[127:64], a[31:0], vb[31:0]};
          2'd2: out = {vb[127:96], a[31:0], vb[63:0]};
          2'd3: out = {a[31:0], vb[95:0]};
        endcase
        `CX_OP_VSHUFFLE:                                         out = shuffled;
        `CX_OP_VNARROW16S, `CX_OP_VNARROW16U:                    out = narrow8;
        `CX_OP_VNARROW32S:                                       out = narrow16;
        `CX_OP_VEXTL8S, `CX_OP_VEXTH8S, `CX_OP_VEXTL8U, `CX_OP_VEXTH8U:
        out = {
          {8{copies && e[63]}}, e[63:56],
          {8{copies && e[55]}}, e[55:48],
          {8{copies && e[47]}}, e[47:40],
          {8{copies && e[39]}}, e[39:32],
          {8{copies && e[31]}}, e[31:24],
          {8{copies && e[23]}}, e[23:16],
          {8{copies && e[15]}}, e[15:8],
          {8{copies && e[7]}}, e[7:0]
        };
        `CX_OP_VEXTL16S, `CX_OP_VEXTH16S, `CX_OP_VEXTL16U, `CX_OP_VEXTH16U:
        out = {
          {16{copies && e[63]}}, e[63:48], {16{copies && e[47]}}, e[47:32], {16{copies && e[31]}}, e[31:16], {16{copies && e[15]}}, e[15:0]
        };
        `CX_OP_VEXTL32S, `CX_OP_VEXTH32S, `CX_OP_VEXTL32U, `CX_OP_VEXTH32U:
        out = {{32{copies && e[63]}}, e[63:32], {32{copies && e[31]}}, e[31:0]};
        default: ;
      endcase
  end
endmodule
