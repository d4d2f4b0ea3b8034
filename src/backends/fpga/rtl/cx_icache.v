`timescale 1ns/1ps
`default_nettype none
// Instruction cache: direct-mapped, lines of 64 bytes, never written by the processor. After reset it empties itself, until `ready`.
// The instruction at `addr` and whether it is there come a cycle later. `fill` fetches the line of the address of the last cycle.
module cx_icache #(
    // a power of two from 64 on
    parameter LINES = 256
) (
    input  wire         clk,
    input  wire         rst,
    output wire         ready,
    input  wire [ 31:3] addr,
    output wire [ 63:0] instr,
    output wire         hit,
    input  wire         fill,
    output wire         busy,
    output wire         rq_valid,
    input  wire         rq_ready,
    output wire [ 31:0] rq_addr,
    output wire [  7:0] rq_len,
    input  wire         rd_valid,
    input  wire [127:0] rd_data
);
  localparam INDEX = $clog2(LINES);
  localparam TAG = 26 - INDEX;
  localparam ROWS = LINES / 16;
  localparam ROW = INDEX - 4;
  localparam [2:0] EMPTY = 3'd0, IDLE = 3'd1, ASK = 3'd2, READ = 3'd3, AGAIN = 3'd4;

  reg  [      2:0] state;
  reg  [      1:0] beat;
  reg  [     31:3] at;
  // a bit for each line, 16 lines a row
  reg  [     15:0] valid       [0:ROWS-1];
  reg  [  ROW-1:0] sweep;
  reg              at_valid;
  wire [  TAG-1:0] tag;
  wire [     63:0] low;
  wire [     63:0] high;

  wire [INDEX-1:0] index = at[6+:INDEX];
  wire             unused = &{1'b0, at[5:4]};
  wire             last = state == READ && rd_valid && beat == 2'd3;

  // rows are read to be looked up, and to be written with a bit more
  wire [     15:0] looked_up = valid[addr[10+:ROW]];
  wire [     15:0] old = valid[at[10+:ROW]];
  wire             emptying = state == EMPTY;
  wire [  ROW-1:0] written = emptying ? sweep : at[10+:ROW];

  assign ready    = !emptying;
  assign instr    = at[3] ? high : low;
  assign hit      = at_valid && tag == at[31-:TAG];
  assign busy     = state != IDLE;
  assign rq_valid = state == ASK;
  assign rq_addr  = {at[31:6], 6'd0};
  assign rq_len   = 8'd3;

  cx_ram #(
      .WIDTH(64),
      .DEPTH(4 * LINES)
  ) ram_low (
      .clk  (clk),
      .we   (state == READ && rd_valid),
      .waddr({index, beat}),
      .wdata(rd_data[63:0]),
      .raddr(addr[4+:INDEX+2]),
      .rdata(low)
  );
  cx_ram #(
      .WIDTH(64),
      .DEPTH(4 * LINES)
  ) ram_high (
      .clk  (clk),
      .we   (state == READ && rd_valid),
      .waddr({index, beat}),
      .wdata(rd_data[127:64]),
      .raddr(addr[4+:INDEX+2]),
      .rdata(high)
  );
  cx_ram #(
      .WIDTH(TAG),
      .DEPTH(LINES)
  ) ram_tag (
      .clk  (clk),
      .we   (last),
      .waddr(index),
      .wdata(at[31-:TAG]),
      .raddr(addr[6+:INDEX]),
      .rdata(tag)
  );

  always @(posedge clk) begin
    at       <= addr;
    at_valid <= looked_up[addr[9:6]];
    if (emptying || last) valid[written] <= emptying ? 16'd0 : old | (16'd1 << at[9:6]);
    if (rst) begin
      state <= EMPTY;
      sweep <= {ROW{1'b0}};
      beat  <= 2'd0;
    end else
      case (state)
        EMPTY: begin
          sweep <= sweep + {{(ROW - 1) {1'b0}}, 1'b1};
          if (&sweep) state <= IDLE;
        end
        IDLE: if (fill) state <= ASK;
        ASK:  if (rq_ready) state <= READ;
        READ:
        if (rd_valid) begin
          beat <= beat + 2'd1;
          if (last) state <= AGAIN;
        end
        default: state <= IDLE;
      endcase
  end
endmodule
