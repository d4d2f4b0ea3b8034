`timescale 1ns/1ps
`default_nettype none
// Sums of PE channels, NQ of them a cycle, through bias and rescale (MODE 0: neither, 1: bias, 2: both). Parameters of an output word
// are found by its number in the pixel, or, with BY_COUNT, by the number of cells of the window, one set for all NQ channels.
// A word comes nine cycles after its sums, the others in the cycles that follow.
module cxd_drain #(
    parameter PE = 1,
    parameter NQ = 1,
    parameter AW = 32,
    parameter OW = 8,
    parameter MODE = 2,
    parameter BY_COUNT = 0,
    parameter NB = 4,
    parameter SETS = 1,
    parameter MW = 15,
    parameter SB = 6,
    parameter S0 = 0,
    parameter signed [31:0] ZERO = 0,
    parameter signed [31:0] LO = -128,
    parameter signed [31:0] HI = 127,
    parameter FILE = ""
) (
    input wire clk,
    input wire rst,
    input wire sums_valid,
    input wire [PE*AW-1:0] sums,
    input wire [NB-1:0] count,
    output wire out_valid,
    output wire [NQ*OW-1:0] out_data
);
  localparam BEATS = PE / NQ;
  localparam B = $clog2(BEATS + 1);
  localparam integer ALL_I = BEATS;
  localparam [B-1:0] ALL = ALL_I[B-1:0];
  localparam A = (SETS > 1) ? $clog2(SETS) : 1;
  localparam integer LAST_I = SETS - 1;
  localparam [A-1:0] LAST = LAST_I[A-1:0];
  localparam LANES = BY_COUNT != 0 ? 1 : NQ;
  localparam SET = SB + MW + 32;

  reg [PE*AW-1:0] rest;
  reg [B-1:0] left;
  wire take = left != 0;
  reg [NQ*AW-1:0] now;

  always @(posedge clk) begin
    if (sums_valid) rest <= sums;
    else if (take) rest <= rest >> (NQ * AW);
    now <= rest[NQ*AW-1:0];
    if (rst) left <= 0;
    else if (sums_valid) left <= ALL;
    else if (take) left <= left - 1'b1;
  end

  generate
    if (MODE == 0) begin : plain
      wire unused = &{1'b0, count};
      reg valid1;
      always @(posedge clk) valid1 <= take && !rst;
      assign out_valid = valid1;
    end else begin : finished
      reg [A-1:0] number;
      wire [A-1:0] set_at;
      wire [LANES*SET-1:0] set_data;
      reg [6:0] valid;
      if (BY_COUNT != 0) begin : by_count
        reg [NB-1:0] cells;
        always @(posedge clk) if (sums_valid) cells <= count;
        if (A > NB) begin : short
          assign set_at = {{(A - NB) {1'b0}}, cells};
        end else begin : long
          assign set_at = cells[A-1:0];
        end
      end else begin : in_turn
        wire unused = &{1'b0, count};
        assign set_at = number;
      end
      cxd_rom #(
          .W(LANES * SET),
          .DEPTH(SETS),
          .FILE(FILE)
      ) rom (
          .clk(clk),
          .re(take),
          .addr(set_at),
          .q(set_data)
      );
      always @(posedge clk) begin
        if (rst) begin
          number <= 0;
          valid  <= 7'd0;
        end else begin
          if (take) number <= number == LAST ? 0 : number + 1'b1;
          valid <= {valid[5:0], take};
        end
      end
      assign out_valid = MODE == 2 ? valid[6] : valid[1];
    end
  endgenerate

  genvar q;
  generate
    for (q = 0; q < NQ; q = q + 1) begin : lane
      wire signed [AW-1:0] x = now[AW*q+:AW];
      if (MODE == 0) begin : plain
        wire unused = &{1'b0, x};
        assign out_data[OW*q+:OW] = x[OW-1:0];
      end else begin : finished_lane
        wire [SET-1:0] set = finished.set_data[SET*(BY_COUNT!=0?0 : q)+:SET];
        if (MODE == 1) begin : biased
          wire unused = &{1'b0, set};
          reg signed [31:0] sum;
          wire signed [31:0] wide;
          if (AW < 32) begin : extended
            assign wide = {{(32 - AW) {x[AW-1]}}, x};
          end else begin : whole
            assign wide = x;
          end
          always @(posedge clk) sum <= wide + set[31:0];
          assign out_data[OW*q+:OW] = sum[OW-1:0];
        end else begin : rescaled
          cxd_requant #(
              .AW(AW),
              .MW(MW),
              .SB(SB),
              .S0(S0),
              .OW(OW),
              .ZERO(ZERO),
              .LO(LO),
              .HI(HI)
          ) requant (
              .clk(clk),
              .x(x),
              .bias(set[31:0]),
              .multiplier(set[32+:MW]),
              .steps(set[32+MW+:SB]),
              .y(out_data[OW*q+:OW])
          );
        end
      end
    end
  endgenerate
endmodule
