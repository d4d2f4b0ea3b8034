`timescale 1ns/1ps
`default_nettype none
`include "cx_isa.vh"
// What loads and stores ask of the data cache, and what loads make of its answer.
module cx_proc_access (
    input  wire [  7:0] op,
    input  wire [ 31:0] base,
    input  wire [ 31:0] imm,
    input  wire [  3:0] lane,
    input  wire [ 63:0] b,
    input  wire [127:0] vb,
    output wire [ 31:0] addr,
    output reg  [ 15:0] bytes,
    output wire [  3:0] turn,
    output wire [127:0] wdata,
    // `out` and `vout` are 0 while `enable` is
    input  wire         enable,
    input  wire [127:0] rdata,
    output reg  [ 63:0] out,
    output reg  [127:0] vout
);
  assign addr  = base + imm;
  assign wdata = op >= `CX_OP_ST8 && op <= `CX_OP_ST64 ? {64'd0, b} : vb;

  // place of the lane in the register, in bytes: data are turned there on their way
  reg [3:0] place;
  always @* begin
    case (op)
      `CX_OP_LD8S, `CX_OP_LD8U, `CX_OP_ST8, `CX_OP_VLDLANE8, `CX_OP_VSTLANE8:                              bytes = 16'h0001;
      `CX_OP_LD16S, `CX_OP_ST16, `CX_OP_VLDLANE16, `CX_OP_VSTLANE16:                                       bytes = 16'h0003;
      `CX_OP_LD32, `CX_OP_ST32, `CX_OP_VLD32SPLAT, `CX_OP_VLD32ZERO, `CX_OP_VLDLANE32, `CX_OP_VSTLANE32:   bytes = 16'h000f;
      `CX_OP_VLD, `CX_OP_VST:                                                                              bytes = 16'hffff;
      default:                                                                                             bytes = 16'h00ff;
    endcase
    case (op)
      `CX_OP_VLDLANE8, `CX_OP_VSTLANE8:   place = lane;
      `CX_OP_VLDLANE16, `CX_OP_VSTLANE16: place = {lane[2:0], 1'b0};
      `CX_OP_VLDLANE32, `CX_OP_VSTLANE32: place = {lane[1:0], 2'd0};
      `CX_OP_VLDLANE64, `CX_OP_VSTLANE64: place = {lane[0], 3'd0};
      default:                            place = 4'd0;
    endcase
  end
  assign turn = addr[3:0] - place;

  wire [15:0] taken = bytes << place;
  wire [63:0] r = rdata[63:0];
  wire [127:0] merged;
  genvar i;
  generate
    for (i = 0; i < 16; i = i + 1) begin : byte_of_lane
      assign merged[8*i+:8] = taken[i] ? rdata[8*i+:8] : vb[8*i+:8];
    end
  endgenerate

  always @* begin
    out  = 64'd0;
    vout = 128'd0;
    if (enable)
      case (op)
        `CX_OP_LD8S:       out = {{56{r[7]}}, r[7:0]};
        `CX_OP_LD8U:       out = {56'd0, r[7:0]};
        `CX_OP_LD16S:      out = {{48{r[15]}}, r[15:0]};
        `CX_OP_LD32:       out = {{32{r[31]}}, r[31:0]};
        `CX_OP_LD64:       out = r;
        `CX_OP_VLD:        vout = rdata;
        `CX_OP_VLD8X8S:
        vout = {
          {8{r[63]}}, r[63:56], {8{r[55]}}, r[55:48], {8{r[47]}}, r[47:40], {8{r[39]}}, r[39:32],
          {8{r[31]}}, r[31:24], {8{r[23]}}, r[23:16], {8{r[15]}}, r[15:8], {8{r[7]}}, r[7:0]
        };
        `CX_OP_VLD8X8U:
        vout = {8'd0, r[63:56], 8'd0, r[55:48], 8'd0, r[47:40], 8'd0, r[39:32], 8'd0, r[31:24], 8'd0, r[23:16], 8'd0, r[15:8], 8'd0, r[7:0]};
        `CX_OP_VLD16X4S:   vout = {{16{r[63]}}, r[63:48], {16{r[47]}}, r[47:32], {16{r[31]}}, r[31:16], {16{r[15]}}, r[15:0]};
        `CX_OP_VLD32SPLAT: vout = {4{r[31:0]}};
        `CX_OP_VLD32ZERO:  vout = {96'd0, r[31:0]};
        default:           vout = merged;
      endcase
  end
endmodule
