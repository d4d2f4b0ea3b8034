`timescale 1ns/1ps
`default_nettype none

// The dot-product array: GROUPS (1, 2 or 4) of 16 output lanes of VI inputs (16, 8 or 4) with accumulators of ACC bits, its memories, and the
// units that lists of commands drive. Each group has a copy of the activations: all are written alike, the first is stored. WW are the bits of
// weights, which are all that INT6 narrows (AW: of activations); PACK = 1 puts two lanes on one multiplier of 25 (6 bits) or 27 (8 bits) by AW bits;
// COLUMNS = 1 is for block RAM without write enables by byte (Intel).
module cx_array #(
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
  wire [2:0] go, busy, done, range;
  wire [511:0] load, compute, store;
  cx_commands commands (
      .clk(clk), .rst(rst), .start(start), .addr(addr), .count(count), .idle(idle), .err_valid(err_valid), .err_code(err_code),
      .err_info(err_info), .rq_valid(c_rq_valid), .rq_ready(c_rq_ready), .rq_addr(c_rq_addr), .rq_len(c_rq_len), .rd_valid(c_rd_valid),
      .rd_data(c_rd_data), .rd_last(c_rd_last), .go(go), .load(load), .compute(compute), .store(store), .busy(busy), .done(done),
      .range(range));

  wire [GROUPS-1:0] cr_en;
  wire [16*GROUPS-1:0] cr_addr;
  wire [128*GROUPS-1:0] cr_data;
  wire cw_en, lw_en, lw_ready, sr_en, sr_ready, pb_we, table_we, transpose;
  wire [15:0] cw_addr, l_wa, sr_addr, wb_we;
  wire [127:0] cw_data, l_wd, sr_data;
  wire [10:0] table_wa;
  wire [7:0] table_wd;
  cx_load #(.SP_BEATS(SP_BEATS), .WB_ENTRIES(WB_ENTRIES), .PB_BEATS(PB_BEATS)) loads (
      .clk(clk), .rst(rst), .go(go[0]), .in(load), .done(done[0]), .busy(busy[0]), .range(range[0]), .rq_valid(l_rq_valid),
      .rq_ready(l_rq_ready), .rq_addr(l_rq_addr), .rq_len(l_rq_len), .rd_valid(l_rd_valid), .rd_data(l_rd_data), .rd_last(l_rd_last),
      .sp_en(lw_en), .sp_ready(lw_ready), .wa(l_wa), .wd(l_wd), .wb_we(wb_we), .transpose(transpose), .pb_we(pb_we), .table_we(table_we),
      .table_wa(table_wa), .table_wd(table_wd));
  cx_conv #(.AW(AW), .WW(WW), .VI(VI), .GROUPS(GROUPS), .ACC(ACC), .PACK(PACK), .COLUMNS(COLUMNS),
      .SP_BEATS(SP_BEATS), .WB_ENTRIES(WB_ENTRIES), .PB_BEATS(PB_BEATS)) computes (
      .clk(clk), .rst(rst), .go(go[1]), .in(compute), .done(done[1]), .busy(busy[1]), .range(range[1]), .cr_en(cr_en), .cr_addr(cr_addr),
      .cr_data(cr_data), .cw_en(cw_en), .cw_addr(cw_addr), .cw_data(cw_data), .wb_we(wb_we), .wb_transpose(transpose), .wb_wa(l_wa),
      .wb_wd(l_wd), .pb_we(pb_we), .pb_wa(l_wa), .pb_wd(l_wd), .table_we(table_we), .table_wa(table_wa), .table_wd(table_wd));
  cx_store #(.SP_BEATS(SP_BEATS)) stores (
      .clk(clk), .rst(rst), .go(go[2]), .in(store), .done(done[2]), .busy(busy[2]), .range(range[2]), .sr_en(sr_en), .sr_ready(sr_ready),
      .sr_addr(sr_addr), .sr_data(sr_data), .wq_valid(s_wq_valid), .wq_ready(s_wq_ready), .wq_addr(s_wq_addr), .wq_len(s_wq_len),
      .wd_valid(s_wd_valid), .wd_ready(s_wd_ready), .wd_data(s_wd_data), .wd_strb(s_wd_strb), .wr_done(s_wr_done));
  // a store reads the first copy whose bank the compute unit leaves free; all take loads at the same times
  wire [GROUPS-1:0] copy_lw_ready, copy_sr_ready, ahead;
  wire [128*GROUPS-1:0] copy_sr_data;
  reg [GROUPS-1:0] from;
  reg [127:0] stored;
  integer c;
  assign lw_ready = copy_lw_ready[0];
  assign sr_ready = copy_sr_ready != {GROUPS{1'b0}};
  assign sr_data = stored;
  always @* begin
    stored = 128'd0;
    for (c = 0; c < GROUPS; c = c + 1) if (from[c]) stored = stored | copy_sr_data[128*c+:128];
  end
  always @(posedge clk) from <= copy_sr_ready & ~ahead;
  genvar g;
  generate
    for (g = 0; g < GROUPS; g = g + 1) begin : copy
      if (g == 0) begin : first
        assign ahead[g] = 1'b0;
      end else begin : other
        assign ahead[g] = copy_sr_ready[g-1:0] != {g{1'b0}};
      end
      cx_scratch #(.BEATS(SP_BEATS)) scratch (
          .clk(clk), .cr_en(cr_en[g]), .cr_addr(cr_addr[16*g+:16]), .cr_data(cr_data[128*g+:128]), .cw_en(cw_en), .cw_addr(cw_addr),
          .cw_data(cw_data), .lw_en(lw_en), .lw_ready(copy_lw_ready[g]), .lw_addr(l_wa), .lw_data(l_wd), .sr_en(sr_en & !ahead[g]),
          .sr_ready(copy_sr_ready[g]), .sr_addr(sr_addr), .sr_data(copy_sr_data[128*g+:128]));
    end
  endgenerate
  wire unused = &{1'b0, copy_lw_ready};
endmodule
