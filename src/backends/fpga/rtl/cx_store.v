`timescale 1ns/1ps
`default_nettype none

`include "cx_commands.vh"
// STORE: beats of activations are read ahead into a queue and written in bursts of up to 64; the next burst is asked for when the data of
// the one before are through, while at most four wait for the memory's answer.
module cx_store #(
    parameter SP_BEATS = 8192
) (
    input wire clk,
    input wire rst,
    input wire go,
    input wire [511:0] in,
    output reg done,
    output reg busy,
    output reg range,

    output wire sr_en,
    input wire sr_ready,
    output wire [15:0] sr_addr,
    input wire [127:0] sr_data,

    output wire wq_valid,
    input wire wq_ready,
    output wire [31:0] wq_addr,
    output wire [7:0] wq_len,
    output wire wd_valid,
    input wire wd_ready,
    output wire [127:0] wd_data,
    output wire [15:0] wd_strb,
    input wire wr_done
);
  localparam BURST = 16'd64;
  reg [271:0] cmd;
  reg start, reading, read1;

  // the queue has 16 places; `held` counts beats that were read and have not left
  reg [4:0] held;
  wire empty, full, last, inner, outer;
  wire leave = wd_valid & wd_ready;
  wire take = sr_en & sr_ready;
  assign sr_en = reading & !held[4];
  cx_walk walk (
      .clk(clk), .start(start), .step(take), .base(cmd[`CX_STORE_CHIP]), .stride_2(cmd[`CX_STORE_CHIP_PLANE]),
      .stride_1(cmd[`CX_STORE_CHIP_ROW]), .stride_0(cmd[`CX_STORE_CHIP_BEAT]), .count_2(cmd[`CX_STORE_PLANES]),
      .count_1(cmd[`CX_STORE_ROWS]), .count_0(cmd[`CX_STORE_BEATS]), .address(sr_addr), .inner(inner), .outer(outer), .last(last));
  cx_fifo #(.W(128), .LOG(4)) queue (
      .clk(clk), .rst(rst), .push(read1), .in(sr_data), .pop(leave), .head(wd_data), .empty(empty), .full(full));

  reg [6:0] left;  // beats of the burst that was asked for
  reg [2:0] waiting;  // bursts that the memory has not answered
  wire [6:0] asked_beats;
  wire asked = wq_valid & wq_ready;
  cx_bursts bursts (
      .clk(clk), .rst(rst), .start(start), .memory(cmd[`CX_STORE_MEMORY]), .memory_row(cmd[`CX_STORE_MEMORY_ROW]),
      .memory_plane(cmd[`CX_STORE_MEMORY_PLANE]), .planes(cmd[`CX_STORE_PLANES]), .rows(cmd[`CX_STORE_ROWS]), .beats(cmd[`CX_STORE_BEATS]),
      .burst(BURST), .allow(left == 7'd0 & !waiting[2]), .rq_valid(wq_valid), .rq_ready(wq_ready), .rq_addr(wq_addr),
      .rq_beats(asked_beats));
  assign wq_len = {1'd0, asked_beats} - 8'd1;
  assign wd_valid = !empty & left != 7'd0;
  assign wd_strb = 16'hffff;

  reg ending;  // all beats were read
  always @(posedge clk) begin
    start <= !rst & go;
    if (go) cmd <= in[271:0];
    read1 <= !rst & take;
    if (rst) begin
      reading <= 1'b0;
      ending <= 1'b0;
      held <= 5'd0;
      left <= 7'd0;
      waiting <= 3'd0;
    end else begin
      if (start) reading <= 1'b1;
      else if (take & last) reading <= 1'b0;
      if (take & last) ending <= 1'b1;
      else if (done) ending <= 1'b0;
      held <= held + {4'd0, take} - {4'd0, leave};
      if (asked) left <= asked_beats;
      else if (leave) left <= left - 7'd1;
      waiting <= waiting + {2'd0, asked} - {2'd0, wr_done};
    end
    done <= !rst & !done & ending & held == 5'd0 & waiting == 3'd1 & wr_done;
    if (rst | done) busy <= 1'b0;
    else if (go) busy <= 1'b1;
    range <= !rst & sr_en & {1'b0, sr_addr} >= SP_BEATS[16:0];
  end
  wire unused = &{1'b0, inner, outer, full, in[511:272], cmd[63:0]};
endmodule
