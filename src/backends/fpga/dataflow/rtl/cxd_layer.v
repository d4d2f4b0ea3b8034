`timescale 1ns/1ps
`default_nettype none
// A layer: a window over its input, products or sums of it, rescale, and a queue for its results. KIND 0: dot products of all channels
// of a group; 1: products by channel; 2: sums by channel (mean by the rescale of the count); 3: greatest by channel.
// A fold is started only when the queue has room for all its results, so that nothing behind the window ever waits.
module cxd_layer #(
    parameter KIND = 0,
    parameter H = 8,
    parameter W = 8,
    parameter CF = 1,
    parameter SIMD = 1,
    parameter PE = 1,
    parameter NQ = 1,
    parameter KH = 3,
    parameter KW = 3,
    parameter SY = 1,
    parameter SX = 1,
    parameter DY = 1,
    parameter DX = 1,
    parameter PT = 1,
    parameter PL = 1,
    parameter OH = 8,
    parameter OW = 8,
    parameter FOLDS = 1,
    parameter FG = 1,
    parameter TAPF = 1,
    parameter PIX = 32,
    parameter QUEUE = 4,
    parameter [7:0] PAD = 0,
    parameter LY = 0,
    parameter HY = 8,
    parameter LX = 0,
    parameter HX = 8,
    parameter SIGNED = 1,
    parameter WW = 8,
    parameter AW = 32,
    parameter EW = 8,
    parameter FINISH = 2,
    parameter SETS = 1,
    parameter MW = 15,
    parameter SB = 6,
    parameter S0 = 0,
    parameter signed [31:0] ZERO = 0,
    parameter signed [31:0] LO = -128,
    parameter signed [31:0] HI = 127,
    parameter WEIGHTS = "",
    parameter FINISHES = ""
) (
    input wire clk,
    input wire rst,
    input wire in_valid,
    output wire in_ready,
    input wire [8*SIMD-1:0] in_data,
    output wire out_valid,
    input wire out_ready,
    output wire [EW*NQ-1:0] out_data
);
  localparam BEATS = PE / NQ;
  localparam R = $clog2(QUEUE + 2);
  localparam integer ROOM_I = QUEUE;
  localparam [R-1:0] ROOM = ROOM_I[R-1:0];
  localparam integer TAKES_I = BEATS;
  localparam [R-1:0] TAKES = TAKES_I[R-1:0];
  localparam [R-1:0] NONE = 0;
  localparam [R-1:0] ONE = 1;
  localparam NB = $clog2(KH * KW + 1);

  reg [R-1:0] room;
  wire start, issue, tap_valid, tap_first, tap_last, tap_counted, sums_valid, result_valid, queued;
  wire [8*SIMD-1:0] tap_data;
  wire [PE*AW-1:0] sums;
  wire [NB-1:0] count;
  wire [EW*NQ-1:0] result;
  wire pop = out_valid && out_ready;

  always @(posedge clk)
    if (rst) room <= ROOM;
    else room <= room + (pop ? ONE : NONE) - (start ? TAKES : NONE);

  cxd_window #(
      .H(H),
      .W(W),
      .CF(CF),
      .LANES(SIMD),
      .KH(KH),
      .KW(KW),
      .SY(SY),
      .SX(SX),
      .DY(DY),
      .DX(DX),
      .PT(PT),
      .PL(PL),
      .OH(OH),
      .OW(OW),
      .FOLDS(FOLDS),
      .FG(FG),
      .TAPF(TAPF),
      .PIX(PIX),
      .PAD(PAD),
      .LY(LY),
      .HY(HY),
      .LX(LX),
      .HX(HX)
  ) window (
      .clk(clk),
      .rst(rst),
      .in_valid(in_valid),
      .in_ready(in_ready),
      .in_data(in_data),
      .credit(room >= TAKES),
      .start(start),
      .issue(issue),
      .tap_valid(tap_valid),
      .tap_first(tap_first),
      .tap_last(tap_last),
      .tap_counted(tap_counted),
      .tap_data(tap_data)
  );

  generate
    if (KIND == 0) begin : dot_products
      cxd_dot #(
          .PE(PE),
          .SIMD(SIMD),
          .WW(WW),
          .AW(AW),
          .SIGNED(SIGNED),
          .WORDS(FOLDS * KH * KW * TAPF),
          .FILE(WEIGHTS)
      ) dot (
          .clk(clk),
          .rst(rst),
          .issue(issue),
          .tap_valid(tap_valid),
          .tap_first(tap_first),
          .tap_last(tap_last),
          .tap_data(tap_data),
          .sums_valid(sums_valid),
          .sums(sums)
      );
      assign count = {NB{tap_counted}};
    end else begin : by_channel
      cxd_lanes #(
          .P(PE),
          .MODE(KIND - 1),
          .WW(WW),
          .AW(AW),
          .SIGNED(SIGNED),
          .WORDS(FOLDS * KH * KW),
          .NB(NB),
          .FILE(WEIGHTS)
      ) lanes (
          .clk(clk),
          .rst(rst),
          .issue(issue),
          .tap_valid(tap_valid),
          .tap_first(tap_first),
          .tap_last(tap_last),
          .tap_counted(tap_counted),
          .tap_data(tap_data),
          .sums_valid(sums_valid),
          .sums(sums),
          .count(count)
      );
    end
  endgenerate

  cxd_drain #(
      .PE(PE),
      .NQ(NQ),
      .AW(AW),
      .OW(EW),
      .MODE(FINISH),
      .BY_COUNT(KIND == 2 ? 1 : 0),
      .NB(NB),
      .SETS(SETS),
      .MW(MW),
      .SB(SB),
      .S0(S0),
      .ZERO(ZERO),
      .LO(LO),
      .HI(HI),
      .FILE(FINISHES)
  ) drain (
      .clk(clk),
      .rst(rst),
      .sums_valid(sums_valid),
      .sums(sums),
      .count(count),
      .out_valid(result_valid),
      .out_data(result)
  );

  cxd_fifo #(
      .W(EW * NQ),
      .DEPTH(QUEUE)
  ) queue (
      .clk(clk),
      .rst(rst),
      .in_valid(result_valid),
      .in_ready(queued),
      .in_data(result),
      .out_valid(out_valid),
      .out_ready(out_ready),
      .out_data(out_data)
  );

  // The credit keeps the queue from being full.
`ifdef CXD_TAPS
  always @(posedge clk) if (!rst && result_valid && !queued) $display("cxd_layer: queue overflow");
`else
  wire unused = queued;
`endif
endmodule
