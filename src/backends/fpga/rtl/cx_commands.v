`timescale 1ns/1ps
`default_nettype none

`include "cx_registers.vh"
`include "cx_commands.vh"
// Fetches commands, checks what can be seen of them alone, queues them for their units and starts them when their waits are over.
module cx_commands (
    input wire clk,
    input wire rst,
    input wire start,
    input wire [31:0] addr,
    input wire [31:0] count,
    output wire idle,
    output reg err_valid,
    output reg [7:0] err_code,
    output reg [31:0] err_info,

    output reg rq_valid,
    input wire rq_ready,
    output wire [31:0] rq_addr,
    output wire [7:0] rq_len,
    input wire rd_valid,
    input wire [127:0] rd_data,
    input wire rd_last,

    // by unit: 0 load, 1 compute, 2 store
    output wire [2:0] go,
    output wire [511:0] load,
    output wire [511:0] compute,
    output wire [511:0] store,
    input wire [2:0] busy,
    input wire [2:0] done,
    input wire [2:0] range
);
  reg on;  // commands are left to be fetched
  reg [31:0] next;  // address of the next command
  reg [15:0] left;
  reg reading, ready;  // a command is on its way; it is in `cmd`
  reg [511:0] cmd;
  reg [31:0] cmd_addr;

  assign rq_addr = next;
  assign rq_len = 8'd3;

  // what a command is
  wire [7:0] op = cmd[7:0];
  wire is_load = op == `CX_OP_LOAD;
  wire is_store = op == `CX_OP_STORE;
  wire is_compute = op == `CX_OP_COMPUTE;
  wire is_addend = op == `CX_OP_ADDEND;
  wire transfer_bad = cmd[`CX_LOAD_PLANES] == 16'd0 | cmd[`CX_LOAD_ROWS] == 16'd0 | cmd[`CX_LOAD_BEATS] == 16'd0 |
      cmd[67:64] != 4'd0 | cmd[99:96] != 4'd0 | cmd[131:128] != 4'd0;
  wire counts_bad = cmd[`CX_COMPUTE_BLOCKS] == 16'd0 | cmd[`CX_COMPUTE_ROWS] == 16'd0 | cmd[`CX_COMPUTE_COLUMNS] == 16'd0 |
      cmd[`CX_COMPUTE_INPUTS] == 16'd0 | cmd[`CX_COMPUTE_KERNEL_Y] == 8'd0 | cmd[`CX_COMPUTE_KERNEL_X] == 8'd0;
  wire many = cmd[`CX_COMPUTE_BLOCKS] != 16'd1 | cmd[`CX_COMPUTE_ROWS] != 16'd1 | cmd[`CX_COMPUTE_COLUMNS] != 16'd1;
  wire raw = cmd[`CX_COMPUTE_RESULT] == `CX_RESULT_RAW;
  wire fields_bad = cmd[`CX_COMPUTE_RESULT] == 2'd3 | (raw & (cmd[`CX_COMPUTE_ADD] | cmd[`CX_COMPUTE_TABLE])) |
      ((cmd[`CX_COMPUTE_RESUME] | cmd[`CX_COMPUTE_HOLD]) & many) | (cmd[`CX_COMPUTE_HOLD] & cmd[`CX_COMPUTE_ADD]);
  wire bad = is_load | is_store ? transfer_bad : is_compute ? counts_bad | fields_bad : !is_addend;

  // queues
  wire [2:0] unit = {is_store, is_compute | is_addend, is_load};
  wire [2:0] empty, full;
  wire [2:0] push = ready & !bad ? unit & ~full : 3'd0;
  wire [31:0] load_addr, compute_addr, store_addr;
  wire [303:0] load_head, store_head;
  cx_fifo #(.W(304), .LOG(2)) loads (
      .clk(clk), .rst(rst), .push(push[0]), .in({cmd_addr, cmd[271:0]}), .pop(go[0]), .head(load_head), .empty(empty[0]), .full(full[0]));
  cx_fifo #(.W(544), .LOG(2)) computes (
      .clk(clk), .rst(rst), .push(push[1]), .in({cmd_addr, cmd}), .pop(go[1]), .head({compute_addr, compute}), .empty(empty[1]),
      .full(full[1]));
  cx_fifo #(.W(304), .LOG(2)) stores (
      .clk(clk), .rst(rst), .push(push[2]), .in({cmd_addr, cmd[271:0]}), .pop(go[2]), .head(store_head), .empty(empty[2]), .full(full[2]));
  assign load = {240'd0, load_head[271:0]};
  assign load_addr = load_head[303:272];
  assign store = {240'd0, store_head[271:0]};
  assign store_addr = store_head[303:272];

  // completed commands, and who may start; the places of waits are the same in all commands
  reg [15:0] done_load, done_compute, done_store;
  wire [2:0] open;
  assign open[0] = done_load >= load[`CX_LOAD_WAIT_LOAD] & done_compute >= load[`CX_LOAD_WAIT_COMPUTE] & done_store >= load[`CX_LOAD_WAIT_STORE];
  assign open[1] = done_load >= compute[`CX_LOAD_WAIT_LOAD] & done_compute >= compute[`CX_LOAD_WAIT_COMPUTE] &
      done_store >= compute[`CX_LOAD_WAIT_STORE];
  assign open[2] = done_load >= store[`CX_LOAD_WAIT_LOAD] & done_compute >= store[`CX_LOAD_WAIT_COMPUTE] & done_store >= store[`CX_LOAD_WAIT_STORE];
  // counts of a command that is done are there a cycle later, while its unit is still busy
  reg failed;
  assign go = failed ? 3'd0 : open & ~empty & ~busy;

  reg [31:0] load_now, compute_now, store_now;  // of running commands
  wire stuck = busy == 3'd0 & go == 3'd0 & empty != 3'd7 & (ready ? push == 3'd0 & !bad : !on & !reading);
  reg begun;
  assign idle = !begun & !on & !reading & !ready & empty == 3'd7 & busy == 3'd0;

  always @(posedge clk) begin
    begun <= !rst & start;
    if (rst | start) begin
      done_load <= 16'd0;
      done_compute <= 16'd0;
      done_store <= 16'd0;
    end else begin
      if (done[0]) done_load <= done_load + 16'd1;
      if (done[1]) done_compute <= done_compute + 16'd1;
      if (done[2]) done_store <= done_store + 16'd1;
    end
    if (go[0]) load_now <= load_addr;
    if (go[1]) compute_now <= compute_addr;
    if (go[2]) store_now <= store_addr;

    if (rst) begin
      on <= 1'b0;
      reading <= 1'b0;
      ready <= 1'b0;
      rq_valid <= 1'b0;
    end else begin
      if (start & idle & count[31:16] == 16'd0) begin
        on <= count[15:0] != 16'd0;
        next <= addr;
        left <= count[15:0];
      end
      if (rq_valid & rq_ready) begin
        rq_valid <= 1'b0;
        next <= next + 32'd64;
        left <= left - 16'd1;
        on <= left != 16'd1;
        cmd_addr <= next;
      end else if (on & !reading & (!ready | push != 3'd0) & !failed) begin
        rq_valid <= 1'b1;
        reading <= 1'b1;
      end
      if (rd_valid) cmd <= {rd_data, cmd[511:128]};
      if (rd_valid & rd_last) begin
        reading <= 1'b0;
        ready <= 1'b1;
      end else if (push != 3'd0) ready <= 1'b0;
    end

    // the first error stands until reset
    err_valid <= 1'b0;
    if (rst) failed <= 1'b0;
    else if (!failed) begin
      if (start & (!idle | count[31:16] != 16'd0)) begin
        err_code <= idle ? `CX_ERR_BAD_COMMAND : `CX_ERR_ARRAY_BUSY;
        err_info <= addr;
      end else if (range != 3'd0) begin
        err_code <= `CX_ERR_ARRAY_RANGE;
        err_info <= range[0] ? load_now : range[1] ? compute_now : store_now;
      end else begin
        err_code <= `CX_ERR_BAD_COMMAND;
        err_info <= ready & bad ? cmd_addr : !empty[0] ? load_addr : !empty[1] ? compute_addr : store_addr;
      end
      if ((start & (!idle | count[31:16] != 16'd0)) | range != 3'd0 | (ready & bad) | stuck) begin
        err_valid <= 1'b1;
        failed <= 1'b1;
      end
    end
  end
  wire unused = &{1'b0, rd_last};
endmodule
