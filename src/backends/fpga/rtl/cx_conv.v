`timescale 1ns/1ps
`default_nettype none

`include "cx_commands.vh"
// Compute unit: one command at a time, kept here while it runs. Stages: 0 addresses, 1 memories, 2 operands, 3 products, 4 and 5 sums,
// 6 accumulators, from 7 the output stage. GROUPS of 16 lanes do neighbouring columns, with the same weights.
module cx_conv #(
    parameter AW = 8,
    parameter WW = 8,
    parameter VI = 16,
    parameter GROUPS = 1,
    parameter ACC = 32,
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

    output wire [GROUPS-1:0] cr_en,
    output wire [16*GROUPS-1:0] cr_addr,
    input wire [128*GROUPS-1:0] cr_data,
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
  localparam BANKS = 2 * GROUPS;  // of parameters
  localparam LOG = GROUPS == 1 ? 0 : GROUPS == 2 ? 1 : 2;
  localparam PA = $clog2(PB_BEATS / BANKS);
  localparam [15:0] MOST = GROUPS == 1 ? 16'd0 : GROUPS == 2 ? 16'd1 : 16'd3;

  reg [511:0] cmd;
  reg [255:0] addend;
  reg start;
  wire is_addend = cmd[7:0] == `CX_OP_ADDEND;
  wire is_compute = !is_addend;
  wire [1:0] mode = cmd[`CX_COMPUTE_MODE];
  wire dot = mode == `CX_MODE_DOT;
  wire depthwise = mode == `CX_MODE_DEPTHWISE;
  wire products = dot | depthwise;
  wire max = mode == `CX_MODE_MAX;
  wire hold = cmd[`CX_COMPUTE_HOLD];
  wire add = cmd[`CX_COMPUTE_ADD];
  wire raw = cmd[`CX_COMPUTE_RESULT] == `CX_RESULT_RAW;
  wire direct = cmd[`CX_COMPUTE_RESULT] == `CX_RESULT_BYTE & !add & !cmd[`CX_COMPUTE_TABLE];

  // columns by GROUPS
  wire [15:0] columns = cmd[`CX_COMPUTE_COLUMNS];
  wire [16:0] rounded = {1'b0, columns} + {1'b0, MOST};
  wire [16:0] sets = rounded >> LOG;
  wire [15:0] over = columns & MOST;
  wire [GROUPS-1:0] rest;
  genvar i, g, k;
  generate
    for (g = 0; g < GROUPS; g = g + 1) begin : tail
      assign rest[g] = over == 16'd0 | over > g;
    end
  endgenerate

  wire tap0, addend0, first0, last0;
  wire [GROUPS-1:0] live0, in_bounds0;
  wire [15:0] weight0;
  wire [3:0] turn0, tap_of0;
  cx_conv_issue #(.VI(VI), .GROUPS(GROUPS)) issue (
      .clk(clk), .rst(rst), .start(start & is_compute), .cmd(cmd), .depthwise(depthwise), .dot(dot), .add(add), .sets(sets[15:0]),
      .rest(rest), .least(raw ? {MOST[1:0], 2'd3} : direct ? MOST[3:0] : 4'd3), .add_base(addend[`CX_ADDEND_BASE]),
      .add_block(addend[`CX_ADDEND_BLOCK]), .add_y(addend[`CX_ADDEND_Y]), .add_x(addend[`CX_ADDEND_X]), .tap(tap0), .addend(addend0),
      .first(first0), .last(last0), .live(live0), .in_bounds(in_bounds0), .address(cr_addr), .weight(weight0), .turn(turn0),
      .weight_tap(tap_of0));
  assign cr_en = live0 & ({GROUPS{addend0}} | ({GROUPS{tap0}} & in_bounds0));

  // stages 1 and 2
  reg v1, v2, v3, v4, v5, last1, last2, last3, last4, last5, last6, first1, first2, first3, first4, first5;
  reg addend1, addend2;
  reg [GROUPS-1:0] in_bounds1;
  reg [3:0] turn1, tap_of1;
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
    turn1 <= turn0;
    tap_of1 <= tap_of0;
  end

  // weights, for all groups: those of the inputs that count, and that of a tap of depthwise
  wire [15:0] column = 16'd1 << wb_wa[3:0];  // of a transposed beat: the value of every lane that it holds
  wire [16*WW-1:0] narrow_wd;
  wire [16*VI*WW-1:0] w1;
  wire [16*WW-1:0] own1;
  generate
    for (i = 0; i < 16; i = i + 1) begin : lane
      wire [16*WW-1:0] entry1;
      assign narrow_wd[i*WW+:WW] = wb_wd[8*i+:WW];
      cx_weights #(.WW(WW), .ENTRIES(WB_ENTRIES), .A(WA), .COLUMNS(COLUMNS)) weights (
          .clk(clk), .we(wb_transpose ? column & {16{wb_we[i]}} : {16{wb_we[i]}}), .wa(wb_wa[WA+3:4]),
          .wd(wb_transpose ? {16{narrow_wd[i*WW+:WW]}} : narrow_wd), .re(tap0 & products), .ra(weight0[WA-1:0]), .rd(entry1));
      assign w1[i*VI*WW+:VI*WW] = entry1[turn1*WW+:VI*WW];
      assign own1[i*WW+:WW] = entry1[tap_of1*WW+:WW];
    end
  endgenerate

  wire [128*GROUPS-1:0] x2;
  wire [16*ACC*GROUPS-1:0] acc6;
  generate
    for (g = 0; g < GROUPS; g = g + 1) begin : group
      cx_group #(.AW(AW), .WW(WW), .VI(VI), .ACC(ACC), .PACK(PACK)) lanes (
          .clk(clk), .v1(v1), .v2(v2), .v3(v3), .v4(v4), .v5(v5), .first5(first5), .depthwise(depthwise), .products(products), .max(max),
          .keep1(v1 | addend1), .turn1(turn1), .x1(in_bounds1[g] | addend1 ? cr_data[128*g+:128] : {16{cmd[`CX_COMPUTE_PAD]}}), .w1(w1),
          .own1(own1), .x2(x2[128*g+:128]), .acc6(acc6[16*ACC*g+:16*ACC]));
    end
  endgenerate

  // parameters of four channels for each group: banks of beats
  wire pb_re;
  wire [15:0] pb_entry;
  wire [128*BANKS-1:0] pb_data;
  wire pb_range;
  generate
    for (k = 0; k < BANKS; k = k + 1) begin : parameters
      cx_bank #(.W(128), .ENTRIES(PB_BEATS / BANKS), .A(PA)) bank (
          .clk(clk), .we(pb_we & pb_wa[LOG:0] == k), .wa(pb_wa[PA+LOG:LOG+1]), .wd(pb_wd), .re(pb_re), .ra(pb_entry[PA-1:0]),
          .rd(pb_data[128*k+:128]));
    end
  endgenerate

  wire out_done;
  cx_conv_out #(.GROUPS(GROUPS), .ACC(ACC), .PB_BEATS(PB_BEATS)) out (
      .clk(clk), .rst(rst), .start(start & is_compute), .cmd(cmd), .addend(addend), .sets(sets[15:0]), .rest(rest), .last6(last6 & !hold),
      .acc6(acc6), .addend_valid2(addend2), .addend2(x2), .pb_re(pb_re), .pb_entry(pb_entry), .pb_data(pb_data), .table_we(table_we),
      .table_wa(table_wa), .table_wd(table_wd), .range(pb_range), .we(cw_en), .wa(cw_addr), .wd(cw_data), .done(out_done));

  wire [GROUPS-1:0] read_range;
  generate
    for (g = 0; g < GROUPS; g = g + 1) begin : limit
      assign read_range[g] = cr_en[g] & {1'b0, cr_addr[16*g+:16]} >= SP_BEATS[16:0];
    end
  endgenerate
  always @(posedge clk) begin
    start <= !rst & go;
    if (go) cmd <= in;
    if (start & is_addend) addend <= cmd[255:0];
    done <= !rst & (out_done | (hold & last6 & is_compute) | (start & is_addend));
    if (rst | done) busy <= 1'b0;
    else if (go) busy <= 1'b1;
    range <= read_range != {GROUPS{1'b0}} | (tap0 & products & {1'b0, weight0} >= WB_ENTRIES[16:0]) | pb_range |
        (cw_en & {1'b0, cw_addr} >= SP_BEATS[16:0]);
  end
  wire unused = &{1'b0, wb_wd, wb_wa, pb_wa, pb_entry, weight0, sets[16]};
endmodule
