`timescale 1ns/1ps
`default_nettype none

// The array alone, and whether its compute unit is busy, for the bench.
module cx_array_bench #(
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
    input wire start,
    input wire [31:0] addr,
    input wire [31:0] count,
    output wire idle,
    output wire err_valid,
    output wire [7:0] err_code,
    output wire [31:0] err_info,
    output wire [2:0] busy,
    output wire c_rq_valid,
    input wire c_rq_ready,
    output wire [31:0] c_rq_addr,
    output wire [7:0] c_rq_len,
    input wire c_rd_valid,
    input wire [127:0] c_rd_data,
    input wire c_rd_last,
    output wire l_rq_valid,
    input wire l_rq_ready,
    output wire [31:0] l_rq_addr,
    output wire [7:0] l_rq_len,
    input wire l_rd_valid,
    input wire [127:0] l_rd_data,
    input wire l_rd_last,
    output wire s_wq_valid,
    input wire s_wq_ready,
    output wire [31:0] s_wq_addr,
    output wire [7:0] s_wq_len,
    output wire s_wd_valid,
    input wire s_wd_ready,
    output wire [127:0] s_wd_data,
    output wire [15:0] s_wd_strb,
    input wire s_wr_done
);
  cx_array #(.AW(AW), .WW(WW), .VI(VI), .GROUPS(GROUPS), .ACC(ACC), .PACK(PACK), .COLUMNS(COLUMNS), .SP_BEATS(SP_BEATS), .WB_ENTRIES(WB_ENTRIES), .PB_BEATS(PB_BEATS)) array (
      .clk(clk), .rst(rst), .start(start), .addr(addr), .count(count), .idle(idle), .err_valid(err_valid), .err_code(err_code),
      .err_info(err_info), .c_rq_valid(c_rq_valid), .c_rq_ready(c_rq_ready), .c_rq_addr(c_rq_addr), .c_rq_len(c_rq_len),
      .c_rd_valid(c_rd_valid), .c_rd_data(c_rd_data), .c_rd_last(c_rd_last), .l_rq_valid(l_rq_valid), .l_rq_ready(l_rq_ready),
      .l_rq_addr(l_rq_addr), .l_rq_len(l_rq_len), .l_rd_valid(l_rd_valid), .l_rd_data(l_rd_data), .l_rd_last(l_rd_last),
      .s_wq_valid(s_wq_valid), .s_wq_ready(s_wq_ready), .s_wq_addr(s_wq_addr), .s_wq_len(s_wq_len), .s_wd_valid(s_wd_valid),
      .s_wd_ready(s_wd_ready), .s_wd_data(s_wd_data), .s_wd_strb(s_wd_strb), .s_wr_done(s_wr_done));
  assign busy = array.commands.busy;
endmodule
