`timescale 1ns/1ps
`default_nettype none

`include "cx_commands.vh"
// LOAD: rows are read in bursts of up to 64 beats, two in flight, into a queue that has room for both; beats leave it for the on-chip
// memory of the command, one a cycle where the memory takes them (tables: one in 16).
module cx_load #(
    parameter SP_BEATS = 8192,
    parameter WB_ENTRIES = 512,
    parameter PB_BEATS = 512
) (
    input wire clk,
    input wire rst,
    input wire go,
    input wire [511:0] in,
    output reg done,
    output reg busy,
    output reg range,

    output wire rq_valid,
    input wire rq_ready,
    output wire [31:0] rq_addr,
    output wire [7:0] rq_len,
    input wire rd_valid,
    input wire [127:0] rd_data,
    input wire rd_last,

    output wire sp_en,
    input wire sp_ready,
    output wire [15:0] wa,
    output wire [127:0] wd,
    output wire [15:0] wb_we,
    output wire transpose,
    output wire pb_we,
    output wire table_we,
    output wire [10:0] table_wa,
    output wire [7:0] table_wd
);
  localparam BURST = 16'd64;
  reg [271:0] cmd;
  reg start;
  wire [1:0] target = cmd[`CX_LOAD_TARGET];
  assign transpose = cmd[`CX_LOAD_TRANSPOSE];

  // requests
  wire asked;
  wire [6:0] asked_beats;
  reg [1:0] flying;
  reg [7:0] reserved;  // beats asked for that have not left the queue
  wire room = reserved <= 8'd64 & !flying[1];
  wire leave;
  cx_bursts bursts (
      .clk(clk), .rst(rst), .start(start), .memory(cmd[`CX_LOAD_MEMORY]), .memory_row(cmd[`CX_LOAD_MEMORY_ROW]),
      .memory_plane(cmd[`CX_LOAD_MEMORY_PLANE]), .planes(cmd[`CX_LOAD_PLANES]), .rows(cmd[`CX_LOAD_ROWS]), .beats(cmd[`CX_LOAD_BEATS]),
      .burst(BURST), .allow(room), .rq_valid(rq_valid), .rq_ready(rq_ready), .rq_addr(rq_addr), .rq_beats(asked_beats));
  assign rq_len = {1'd0, asked_beats} - 8'd1;
  assign asked = rq_valid & rq_ready;

  // the queue and where its beats go
  wire empty, full, last, inner, outer;
  cx_fifo #(.W(128), .LOG(7)) queue (
      .clk(clk), .rst(rst), .push(rd_valid), .in(rd_data), .pop(leave), .head(wd), .empty(empty), .full(full));
  cx_walk walk (
      .clk(clk), .start(start), .step(leave), .base(cmd[`CX_LOAD_CHIP]), .stride_2(cmd[`CX_LOAD_CHIP_PLANE]),
      .stride_1(cmd[`CX_LOAD_CHIP_ROW]), .stride_0(cmd[`CX_LOAD_CHIP_BEAT]), .count_2(cmd[`CX_LOAD_PLANES]),
      .count_1(cmd[`CX_LOAD_ROWS]), .count_0(cmd[`CX_LOAD_BEATS]), .address(wa), .inner(inner), .outer(outer), .last(last));
  reg [3:0] entry;
  wire [7:0] table_bytes[0:15];
  genvar i;
  generate
    for (i = 0; i < 16; i = i + 1) begin : value
      assign table_bytes[i] = wd[8*i+:8];
    end
  endgenerate
  assign sp_en = !empty & target == `CX_TARGET_ACTIVATIONS;
  assign wb_we = empty | target != `CX_TARGET_WEIGHTS ? 16'd0 : transpose ? 16'hffff : 16'd1 << wa[3:0];
  assign pb_we = !empty & target == `CX_TARGET_PARAMETERS;
  assign table_we = !empty & target == `CX_TARGET_TABLES;
  assign table_wa = {wa[6:0], entry};
  assign table_wd = table_bytes[entry];
  assign leave = !empty & (target == `CX_TARGET_ACTIVATIONS ? sp_ready : target != `CX_TARGET_TABLES | entry == 4'd15);

  wire [17:0] limit = target == `CX_TARGET_ACTIVATIONS ? SP_BEATS[17:0] : target == `CX_TARGET_WEIGHTS ? {WB_ENTRIES[13:0], 4'd0} :
      target == `CX_TARGET_PARAMETERS ? PB_BEATS[17:0] : 18'd128;
  always @(posedge clk) begin
    start <= !rst & go;
    if (go) cmd <= in[271:0];
    if (rst | start) entry <= 4'd0;
    else if (table_we) entry <= entry + 4'd1;
    if (rst) begin
      flying <= 2'd0;
      reserved <= 8'd0;
    end else begin
      flying <= flying + {1'b0, asked} - {1'b0, rd_valid & rd_last};
      reserved <= reserved + (asked ? {1'b0, asked_beats} : 8'd0) - {7'd0, leave};
    end
    done <= !rst & leave & last;
    if (rst | done) busy <= 1'b0;
    else if (go) busy <= 1'b1;
    range <= !rst & !empty & {2'd0, wa} >= limit;
  end
  wire unused = &{1'b0, inner, outer, full, in[511:272], cmd[63:0]};
endmodule
