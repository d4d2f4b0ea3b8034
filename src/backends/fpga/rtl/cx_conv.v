`timescale 1ns/1ps
`default_nettype none

`include "cx_commands.vh"
// Compute unit: one command at a time, kept here while it runs. Stages: 0 addresses, 1 memories, 2 operands, 3 products, 4 and 5 sums,
// 6 accumulators, from 7 the output stage.
module cx_conv #(
    parameter AW = 8,
    parameter WW = 8,
    parameter PACK = 0,
    parameter COLUMNS = 0,
    parameter SP_BEATS = 8192,
    parameter WB_ENTRIES = 512,
    parameter PB_BEATS = 512
) (
    input wire clk,
    input wire rst,
    input wire go,
    input wire [511:0] in,
    output reg done,  // a cycle, with `busy` still set
    output reg busy,
    output reg range,

    output wire cr_en,
    output wire [15:0] cr_addr,
    input wire [127:0] cr_data,
    output wire cw_en,
    output wire [15:0] cw_addr,
    output wire [127:0] cw_data,

    input wire [15:0] wb_we,  // by lane; all for transposed loads
    input wire wb_transpose,
    input wire [15:0] wb_wa,  // beat
    input wire [127:0] wb_wd,
    input wire pb_we,
    input wire [15:0] pb_wa,
    input wire [127:0] pb_wd,
    input wire table_we,
    input wire [10:0] table_wa,
    input wire [7:0] table_wd
);
  localparam WA = $clog2(WB_ENTRIES);
  localparam PA = $clog2(PB_BEATS / 2);
  localparam D = AW + WW + 4;

  reg [511:0] cmd;
  reg [255:0] addend;
  reg start;
  wire is_addend = cmd[7:0] == `CX_OP_ADDEND;
  wire is_compute = !is_addend;
  wire [1:0] mode = cmd[`CX_COMPUTE_MODE];
  wire depthwise = mode == `CX_MODE_DEPTHWISE;
  wire products = mode == `CX_MODE_DOT | depthwise;
  wire max = mode == `CX_MODE_MAX;
  wire hold = cmd[`CX_COMPUTE_HOLD];
  wire add = cmd[`CX_COMPUTE_ADD];
  wire direct = cmd[`CX_COMPUTE_RESULT] == `CX_RESULT_BYTE & !add & !cmd[`CX_COMPUTE_TABLE];

  wire tap0, addend0, first0, last0, in_bounds0;
  wire [15:0] address0, weight0;
  wire [3:0] tap_of0;
  cx_conv_issue issue (
      .clk(clk), .rst(rst), .start(start & is_compute), .cmd(cmd), .depthwise(depthwise), .add(add), .least(direct ? 2'd0 : 2'd3),
      .add_base(addend[`CX_ADDEND_BASE]), .add_block(addend[`CX_ADDEND_BLOCK]), .add_y(addend[`CX_ADDEND_Y]), .add_x(addend[`CX_ADDEND_X]),
      .tap(tap0), .addend(addend0), .first(first0), .last(last0), .in_bounds(in_bounds0), .address(address0), .weight(weight0),
      .weight_tap(tap_of0));
  assign cr_en = addend0 | (tap0 & in_bounds0);
  assign cr_addr = address0;

  // stages 1 and 2
  reg v1, v2, v3, v4, v5, last1, last2, last3, last4, last5, last6, first1, first2, first3, first4, first5;
  reg addend1, addend2, in_bounds1;
  reg [3:0] tap_of1;
  reg [127:0] x2;
  reg [AW*15-1:0] others2;  // values 1 to 15 for the multipliers, 0 in depthwise
  reg [127:0] bytes3, bytes4, bytes5;
  wire [127:0] x1 = in_bounds1 | addend1 ? cr_data : {16{cmd[`CX_COMPUTE_PAD]}};
  always @(posedge clk) begin
    v1 <= !rst & tap0;
    v2 <= !rst & v1;
    v3 <= !rst & v2;
    v4 <= !rst & v3;
    v5 <= !rst & v4;
    first1 <= first0 & !cmd[`CX_COMPUTE_RESUME];
    first2 <= first1;
    first3 <= first2;
    first4 <= first3;
    first5 <= first4;
    last1 <= last0;
    last2 <= last1;
    last3 <= last2;
    last4 <= last3;
    last5 <= last4;
    last6 <= !rst & v5 & last5;
    addend1 <= !rst & addend0;
    addend2 <= !rst & addend1;
    in_bounds1 <= in_bounds0;
    tap_of1 <= tap_of0;
    if (v1 | addend1) x2 <= x1;
    if (!products) begin
      bytes3 <= x2;
      bytes4 <= bytes3;
      bytes5 <= bytes4;
    end
  end

  wire p1 = v1 & products;
  wire p2 = v2 & products;
  wire p3 = v3 & products;
  wire p4 = v4 & products;

  wire [15:0] column = 16'd1 << wb_wa[3:0];  // of a transposed beat: the value of every lane that it holds
  wire [AW*16-1:0] narrow1;
  wire [16*WW-1:0] narrow_wd;
  genvar i;
  generate
    for (i = 0; i < 16; i = i + 1) begin : narrow
      assign narrow1[i*AW+:AW] = x1[8*i+:AW];
      assign narrow_wd[i*WW+:WW] = wb_wd[8*i+:WW];
    end
  endgenerate
  always @(posedge clk) if (v1) others2 <= depthwise ? {15 * AW{1'b0}} : narrow1[16*AW-1:AW];

  // lanes in pairs, which share multipliers where PACK is 1
  wire [511:0] acc6;
  generate
    for (i = 0; i < 16; i = i + 2) begin : pair
      wire [16*WW-1:0] wa1, wb1;
      wire signed [D-1:0] sum_a5, sum_b5;
      reg [AW-1:0] own_a2, own_b2;
      always @(posedge clk)
        if (v1) begin
          own_a2 <= depthwise ? narrow1[i*AW+:AW] : narrow1[0+:AW];
          own_b2 <= depthwise ? narrow1[(i+1)*AW+:AW] : narrow1[PACK*AW+:AW];
        end
      cx_weights #(.WW(WW), .ENTRIES(WB_ENTRIES), .A(WA), .COLUMNS(COLUMNS)) weights_a (
          .clk(clk), .we(wb_transpose ? column & {16{wb_we[i]}} : {16{wb_we[i]}}), .wa(wb_wa[WA+3:4]),
          .wd(wb_transpose ? {16{narrow_wd[i*WW+:WW]}} : narrow_wd), .re(tap0 & products), .ra(weight0[WA-1:0]), .rd(wa1));
      cx_weights #(.WW(WW), .ENTRIES(WB_ENTRIES), .A(WA), .COLUMNS(COLUMNS)) weights_b (
          .clk(clk), .we(wb_transpose ? column & {16{wb_we[i+1]}} : {16{wb_we[i+1]}}), .wa(wb_wa[WA+3:4]),
          .wd(wb_transpose ? {16{narrow_wd[(i+1)*WW+:WW]}} : narrow_wd), .re(tap0 & products), .ra(weight0[WA-1:0]), .rd(wb1));
      if (PACK == 0) begin : single
        cx_dot #(.AW(AW), .WW(WW)) dot_a (
            .clk(clk), .v1(p1), .v2(p2), .v3(p3), .v4(p4), .depthwise1(depthwise), .tap1(tap_of1), .w1(wa1), .own2(own_a2), .x2(others2),
            .sum5(sum_a5));
        cx_dot #(.AW(AW), .WW(WW)) dot_b (
            .clk(clk), .v1(p1), .v2(p2), .v3(p3), .v4(p4), .depthwise1(depthwise), .tap1(tap_of1), .w1(wb1), .own2(own_b2), .x2(others2),
            .sum5(sum_b5));
      end else begin : packed_pair
        cx_dot_pair #(.AW(AW), .WW(WW)) dots (
            .clk(clk), .v1(p1), .v2(p2), .v3(p3), .v4(p4), .depthwise1(depthwise), .tap1(tap_of1), .wa1(wa1), .wb1(wb1), .own_a2(own_a2),
            .own_b2(own_b2), .x2(others2[AW*15-1:AW]), .sum_a5(sum_a5), .sum_b5(sum_b5));
      end
      cx_lane #(.D(D)) lane_a (
          .clk(clk), .v5(v5), .first5(first5), .bytes5(!products), .max5(max), .dot5(sum_a5), .x5(bytes5[8*i+:8]), .acc(acc6[32*i+:32]));
      cx_lane #(.D(D)) lane_b (
          .clk(clk), .v5(v5), .first5(first5), .bytes5(!products), .max5(max), .dot5(sum_b5), .x5(bytes5[8*i+8+:8]),
          .acc(acc6[32*i+32+:32]));
    end
  endgenerate

  // parameters of four channels: two banks of beats
  wire pb_re;
  wire [15:0] pb_entry;
  wire [255:0] pb_data;
  wire pb_range;
  cx_bank #(.W(128), .ENTRIES(PB_BEATS / 2), .A(PA)) even (
      .clk(clk), .we(pb_we & !pb_wa[0]), .wa(pb_wa[PA:1]), .wd(pb_wd), .re(pb_re), .ra(pb_entry[PA-1:0]), .rd(pb_data[127:0]));
  cx_bank #(.W(128), .ENTRIES(PB_BEATS / 2), .A(PA)) odd (
      .clk(clk), .we(pb_we & pb_wa[0]), .wa(pb_wa[PA:1]), .wd(pb_wd), .re(pb_re), .ra(pb_entry[PA-1:0]), .rd(pb_data[255:128]));

  wire out_done;
  cx_conv_out #(.PB_BEATS(PB_BEATS)) out (
      .clk(clk), .rst(rst), .start(start & is_compute), .cmd(cmd), .addend(addend), .last6(last6 & !hold), .acc6(acc6),
      .addend_valid2(addend2), .addend2(x2), .pb_re(pb_re), .pb_entry(pb_entry), .pb_data(pb_data), .table_we(table_we),
      .table_wa(table_wa), .table_wd(table_wd), .range(pb_range), .we(cw_en), .wa(cw_addr), .wd(cw_data), .done(out_done));

  always @(posedge clk) begin
    start <= !rst & go;
    if (go) cmd <= in;
    if (start & is_addend) addend <= cmd[255:0];
    done <= !rst & (out_done | (hold & last6 & is_compute) | (start & is_addend));
    if (rst | done) busy <= 1'b0;
    else if (go) busy <= 1'b1;
    range <= (cr_en & {1'b0, cr_addr} >= SP_BEATS[16:0]) | (tap0 & products & {1'b0, weight0} >= WB_ENTRIES[16:0]) | pb_range |
        (cw_en & {1'b0, cw_addr} >= SP_BEATS[16:0]);
  end
  wire unused = &{1'b0, wb_wd, others2, wb_wa, pb_wa, pb_entry, weight0};
endmodule
