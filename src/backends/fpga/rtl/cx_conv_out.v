`timescale 1ns/1ps
`default_nettype none

`include "cx_commands.vh"
// Output stage of the compute unit: 16 sums of an output, taken a cycle after `last6`, become beats of the activations. Four lanes rescale,
// add and look up, so an output takes 4 cycles; bytes that nothing is done with go out at once.
module cx_conv_out #(
    parameter PB_BEATS = 512
) (
    input wire clk,
    input wire rst,
    input wire start,
    input wire [511:0] cmd,
    input wire [255:0] addend,  // the last ADDEND command
    input wire last6,
    input wire [511:0] acc6,
    input wire addend_valid2,  // a beat of the addend
    input wire [127:0] addend2,
    output wire pb_re,
    output wire [15:0] pb_entry,  // four channels
    input wire [255:0] pb_data,  // a cycle later
    input wire table_we,
    input wire [10:0] table_wa,
    input wire [7:0] table_wd,
    output wire range,  // the parameters lie outside
    output reg we,
    output reg [15:0] wa,
    output reg [127:0] wd,
    output reg done
);
  wire raw = cmd[`CX_COMPUTE_RESULT] == `CX_RESULT_RAW;
  wire byte_result = cmd[`CX_COMPUTE_RESULT] == `CX_RESULT_BYTE;
  wire add = cmd[`CX_COMPUTE_ADD];
  wire tabled = cmd[`CX_COMPUTE_TABLE];
  wire direct = byte_result & !add & !tabled;

  // where outputs go, in their order; the entry of parameters changes with the block
  wire [15:0] address;
  wire outer, final6;
  reg [15:0] block;
  cx_walk walk (
      .clk(clk), .start(start), .step(last6), .base(cmd[`CX_COMPUTE_OUT_BASE]), .stride_2(cmd[`CX_COMPUTE_OUT_BLOCK]),
      .stride_1(cmd[`CX_COMPUTE_OUT_Y]), .stride_0(cmd[`CX_COMPUTE_OUT_X]), .count_2(cmd[`CX_COMPUTE_BLOCKS]),
      .count_1(cmd[`CX_COMPUTE_ROWS]), .count_0(cmd[`CX_COMPUTE_COLUMNS]), .address(address), .outer(outer), .last(final6));
  wire [16:0] place;  // {final, address} of the output whose beats come next
  wire pop;
  wire place_empty, place_full;
  cx_fifo #(.W(17), .LOG(3)) places (
      .clk(clk), .rst(rst), .push(last6), .in({final6, address}), .pop(pop), .head(place), .empty(place_empty), .full(place_full));

  // groups of 4 channels
  reg [511:0] snap;
  reg [1:0] q6;
  reg on6;  // groups 1 to 3 of the output
  reg ends;  // the output is the last one of its block
  reg v7;
  assign pb_re = (last6 | on6) & !byte_result;
  assign pb_entry = {block[13:0], q6};
  assign range = last6 & !byte_result & {block, 3'd0} >= PB_BEATS[18:0];
  always @(posedge clk) begin
    if (last6) snap <= acc6;
    else snap <= {128'd0, snap[511:128]};
    v7 <= !rst & (last6 | on6);
    if (rst | start) begin
      q6 <= 2'd0;
      on6 <= 1'b0;
    end else if (last6 & !direct) begin
      q6 <= 2'd1;
      on6 <= 1'b1;
    end else if (on6) begin
      q6 <= q6 + 2'd1;
      on6 <= q6 != 2'd3;
    end
    if (last6) ends <= outer;
    if (start) block <= cmd[`CX_COMPUTE_PARAMETER_BASE];
    else if (on6 & q6 == 2'd3 & ends) block <= block + 16'd1;
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
  wire [127:0] b;
  wire b_empty, b_full;
  reg [1:0] qa;
  cx_fifo #(.W(128), .LOG(3)) addends (
      .clk(clk), .rst(rst), .push(addend_valid2), .in(addend2), .pop(v[5] & add & qa == 2'd3), .head(b), .empty(b_empty), .full(b_full));
  always @(posedge clk)
    if (rst | start) qa <= 2'd0;
    else if (v[5] & add) qa <= qa + 2'd1;
  wire [31:0] b_group = qa[1] ? (qa[0] ? b[127:96] : b[95:64]) : (qa[0] ? b[63:32] : b[31:0]);

  wire [127:0] sums8;
  wire [31:0] rescaled, added, looked;
  genvar i;
  generate
    for (i = 0; i < 4; i = i + 1) begin : lane
      wire [7:0] y, sum;
      reg [47:0] bytes;  // of the sums, delayed as rescale takes
      cx_requant requant (
          .clk(clk), .acc(snap[32*i+:32]), .bias(pb_data[64*i+:32]), .multiplier(pb_data[64*i+32+:15]), .shift(pb_data[64*i+48+:6]),
          .zero(cmd[`CX_COMPUTE_ZERO]), .lo(cmd[`CX_COMPUTE_LO]), .hi(cmd[`CX_COMPUTE_HI]), .sum(sums8[32*i+:32]), .y(y));
      always @(posedge clk) bytes <= {bytes[39:0], snap[32*i+:8]};
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

  // four groups are a beat; a group of raw sums is one
  wire group_valid = tabled ? vt : add ? va[5] : v[5];
  wire [31:0] group = tabled ? looked : add ? added : rescaled;
  reg [1:0] qw;
  wire raw_valid = raw & v[0];
  wire group_last = qw == 2'd3;
  wire grouped = raw ? raw_valid : group_valid;
  wire direct_valid = direct & v7;
  assign pop = direct_valid | (grouped & group_last);
  wire [127:0] bytes;
  generate
    for (i = 0; i < 16; i = i + 1) begin : pack
      assign bytes[8*i+:8] = snap[32*i+:8];
    end
  endgenerate
  always @(posedge clk) begin
    if (rst | start) qw <= 2'd0;
    else if (grouped) qw <= qw + 2'd1;
    if (direct) wd <= bytes;
    else if (raw) wd <= sums8;
    else if (group_valid) wd <= {group, wd[127:32]};
    we <= !rst & (raw ? raw_valid : pop);
    wa <= raw ? place[15:0] + {14'd0, qw} : place[15:0];
    done <= !rst & pop & place[16];
  end
  wire unused = &{1'b0, place_empty, place_full, b_empty, b_full, cmd, addend, pb_data};
endmodule
