`timescale 1ns/1ps
`default_nettype none

`include "cx_commands.vh"
// Output stage of the compute unit: 16 sums of an output of each group, taken a cycle after `last6`, become beats of the activations, one
// after the other. Four lanes a group rescale, add and look up, so outputs take 4 cycles; bytes that nothing is done with take one each.
module cx_conv_out #(
    parameter GROUPS = 1,
    parameter ACC = 32,
    parameter PB_BEATS = 512
) (
    input wire clk,
    input wire rst,
    input wire start,
    input wire [511:0] cmd,
    input wire [255:0] addend,  // the last ADDEND command
    input wire [15:0] sets,  // of GROUPS columns, in a row
    input wire [GROUPS-1:0] rest,  // groups that have a column in the last set
    input wire last6,
    input wire [16*ACC*GROUPS-1:0] acc6,
    input wire addend_valid2,  // a beat of the addend for each group
    input wire [128*GROUPS-1:0] addend2,
    output wire pb_re,
    output wire [15:0] pb_entry,  // four channels a group
    input wire [256*GROUPS-1:0] pb_data,  // a cycle later
    input wire table_we,
    input wire [10:0] table_wa,
    input wire [7:0] table_wd,
    output wire range,  // the parameters lie outside
    output reg we,
    output reg [15:0] wa,
    output reg [127:0] wd,
    output reg done
);
  localparam LANES = 4 * GROUPS;
  localparam LOG = GROUPS == 1 ? 0 : GROUPS == 2 ? 1 : 2;
  localparam [3:0] ALL = GROUPS == 1 ? 4'd0 : GROUPS == 2 ? 4'd1 : 4'd3;  // the last group
  localparam [1:0] PARTS = GROUPS == 1 ? 2'd3 : GROUPS == 2 ? 2'd1 : 2'd0;  // the last part of a beat
  wire raw = cmd[`CX_COMPUTE_RESULT] == `CX_RESULT_RAW;
  wire byte_result = cmd[`CX_COMPUTE_RESULT] == `CX_RESULT_BYTE;
  wire add = cmd[`CX_COMPUTE_ADD];
  wire tabled = cmd[`CX_COMPUTE_TABLE];
  wire direct = byte_result & !add & !tabled;

  // where outputs go, in their order; the entry of parameters changes with the block
  wire [15:0] address;
  wire inner, outer, final6;
  reg [15:0] block;
  cx_walk walk (
      .clk(clk), .start(start), .step(last6), .base(cmd[`CX_COMPUTE_OUT_BASE]), .stride_2(cmd[`CX_COMPUTE_OUT_BLOCK]),
      .stride_1(cmd[`CX_COMPUTE_OUT_Y]), .stride_0(cmd[`CX_COMPUTE_OUT_X] << LOG), .count_2(cmd[`CX_COMPUTE_BLOCKS]),
      .count_1(cmd[`CX_COMPUTE_ROWS]), .count_0(sets), .address(address), .inner(inner), .outer(outer), .last(final6));
  wire [GROUPS+16:0] place;  // {groups that have a column, final, address} of the outputs whose beats come next
  wire pop;
  wire place_empty, place_full;
  cx_fifo #(.W(GROUPS + 17), .LOG(3)) places (
      .clk(clk), .rst(rst), .push(last6), .in({inner ? rest : {GROUPS{1'b1}}, final6, address}), .pop(pop), .head(place), .empty(place_empty), .full(place_full));

  // the sums of all groups in four parts of LANES; raw ones stay until all their beats are through, bytes leave by groups
  reg [16*ACC*GROUPS-1:0] snap;
  reg [1:0] q6, p6, p7, p8;  // part, and beat of it
  reg on6;  // all but the first
  reg ends;  // the outputs are the last ones of their block
  reg v7;
  wire part_end = !raw | p6 == ALL[1:0];
  wire all_end = part_end & q6 == (direct ? ALL[1:0] : 2'd3);
  assign pb_re = (last6 | on6) & !byte_result;
  assign pb_entry = (block << (2 - LOG)) | {14'd0, q6 & PARTS};
  assign range = last6 & !byte_result & {block, 3'd0} >= PB_BEATS[18:0];
  always @(posedge clk) begin
    if (last6) snap <= acc6;
    else if (direct) snap <= snap >> 16 * ACC;
    else if (!raw | p7 == ALL[1:0]) snap <= snap >> LANES * ACC;
    v7 <= !rst & (last6 | on6);
    p7 <= p6;
    p8 <= p7;
    if (rst | start) begin
      q6 <= 2'd0;
      p6 <= 2'd0;
      on6 <= 1'b0;
    end else if (last6 | on6) begin
      p6 <= part_end ? 2'd0 : p6 + 2'd1;
      if (part_end) q6 <= all_end ? 2'd0 : q6 + 2'd1;
      on6 <= !all_end;
    end
    if (last6) ends <= outer;
    if (start) block <= cmd[`CX_COMPUTE_PARAMETER_BASE];
    else if (on6 & all_end & ends) block <= block + 16'd1;
  end

  reg [5:0] v;  // v[i]: stage 8 + i of rescaling
  reg [5:0] va;  // stages of adding
  reg vt;
  always @(posedge clk) begin
    v <= rst ? 6'd0 : {v[4:1], v[0] & !raw, v7 & !direct};
    va <= rst ? 6'd0 : {va[4:0], v[5] & add};
    vt <= !rst & tabled & (add ? va[5] : v[5]);
  end

  // the addend waits for its output
  wire [128*GROUPS-1:0] b;
  wire b_empty, b_full;
  reg [1:0] qa;
  cx_fifo #(.W(128 * GROUPS), .LOG(3)) addends (
      .clk(clk), .rst(rst), .push(addend_valid2), .in(addend2), .pop(v[5] & add & qa == 2'd3), .head(b), .empty(b_empty), .full(b_full));
  always @(posedge clk)
    if (rst | start) qa <= 2'd0;
    else if (v[5] & add) qa <= qa + 2'd1;
  wire [8*LANES-1:0] b_group = b[8*LANES*qa+:8*LANES];

  wire [32*LANES-1:0] sums8;
  wire [8*LANES-1:0] rescaled, added, looked;
  genvar i;
  generate
    for (i = 0; i < LANES; i = i + 1) begin : lane
      wire [7:0] y, sum;
      wire [31:0] wide;
      wire signed [ACC-1:0] narrow = snap[ACC*i+:ACC];
      assign wide = {{32 - ACC + 1{narrow[ACC-1]}}, narrow[ACC-2:0]};
      reg [47:0] bytes;  // of the sums, delayed as rescale takes
      cx_requant requant (
          .clk(clk), .acc(wide), .bias(pb_data[64*i+:32]), .multiplier(pb_data[64*i+32+:15]), .shift(pb_data[64*i+48+:6]),
          .zero(cmd[`CX_COMPUTE_ZERO]), .lo(cmd[`CX_COMPUTE_LO]), .hi(cmd[`CX_COMPUTE_HI]), .sum(sums8[32*i+:32]), .y(y));
      always @(posedge clk) bytes <= {bytes[39:0], narrow[7:0]};
      assign sum = byte_result ? bytes[47:40] : y;
      assign rescaled[8*i+:8] = sum;
      cx_add_rescale adder (
          .clk(clk), .a(sum), .b(b_group[8*i+:8]), .multiplier_a(addend[`CX_ADDEND_MULTIPLIER_A]),
          .multiplier_b(addend[`CX_ADDEND_MULTIPLIER_B]), .zero_a(addend[`CX_ADDEND_ZERO_A]), .zero_b(addend[`CX_ADDEND_ZERO_B]),
          .shift(addend[`CX_ADDEND_SHIFT]), .zero(addend[`CX_ADDEND_ZERO]), .lo(addend[`CX_ADDEND_LO]), .hi(addend[`CX_ADDEND_HI]),
          .y(added[8*i+:8]));
      wire [7:0] x = add ? added[8*i+:8] : sum;
      cx_bank #(.W(8), .ENTRIES(2048), .A(11)) look (
          .clk(clk), .we(table_we), .wa(table_wa), .wd(table_wd), .re(tabled), .ra({cmd[`CX_COMPUTE_TABLE_INDEX], x}),
          .rd(looked[8*i+:8]));
    end
  endgenerate

  // parts become beats; of raw sums a part is GROUPS beats
  wire group_valid = tabled ? vt : add ? va[5] : v[5];
  wire [8*LANES-1:0] group = tabled ? looked : add ? added : rescaled;
  wire [8*LANES+127:0] shifted = {group, wd};
  reg [1:0] qw;  // part of the beat
  reg [3:0] n;  // beat of the outputs
  reg [15:0] next;
  wire raw_valid = raw & v[0];
  wire direct_valid = direct & v7;
  wire beat_valid = raw_valid | direct_valid | (!raw & group_valid & qw == PARTS);
  wire [3:0] group_of = raw ? {2'd0, n[3:2]} : n;
  wire group_end = !raw | n[1:0] == 2'd3;
  wire [15:0] at = n == 4'd0 ? place[15:0] : next;
  wire [GROUPS-1:0] live = place[GROUPS+16:17] >> group_of;
  assign pop = beat_valid & group_end & group_of == ALL;
  wire [127:0] bytes;
  generate
    for (i = 0; i < 16; i = i + 1) begin : pack
      assign bytes[8*i+:8] = snap[ACC*i+:8];
    end
  endgenerate
  always @(posedge clk) begin
    if (rst | start) qw <= 2'd0;
    else if (group_valid) qw <= qw == PARTS ? 2'd0 : qw + 2'd1;
    if (rst | start) n <= 4'd0;
    else if (beat_valid) n <= pop ? 4'd0 : n + 4'd1;
    if (beat_valid) next <= group_end ? at + cmd[`CX_COMPUTE_OUT_X] : at;
    if (direct) wd <= bytes;
    else if (raw) wd <= sums8[128*p8+:128];
    else if (group_valid) wd <= shifted[8*LANES+:128];
    we <= !rst & beat_valid & live[0];
    wa <= raw ? at + {14'd0, n[1:0]} : at;
    done <= !rst & pop & place[16];
  end
  wire unused = &{1'b0, place_empty, place_full, b_empty, b_full, cmd, addend, pb_data, shifted, live};
endmodule
