`timescale 1ns/1ps
`default_nettype none
// Data cache: direct-mapped, write-back, lines of 64 bytes, for accesses of 1 to 16 bytes at any address. After reset it empties itself,
// until `ready`.
//
// Rows of 16 bytes lie in two banks, even and odd, and so do tags of even and odd lines: the two rows, and the two lines, that an
// unaligned access touches are looked up at once. Bytes are turned by `turn` between the access and its place in the rows.
//
// `req` (a cycle) begins an access; its other inputs stay until the end. `stored` ends a write (the cycle after `req` when it hits), `loaded`
// a read (2 cycles after), with `rdata` in the same cycle. `flush` begins writing dirty lines back and empties the cache, until `flushed`.
module cx_dcache #(
    // a power of two from 64 on
    parameter LINES = 256
) (
    input  wire         clk,
    input  wire         rst,
    output wire         ready,
    input  wire         req,
    input  wire         write,
    input  wire [ 31:0] addr,
    // a bit for each byte of the access, from bit 0
    input  wire [ 15:0] bytes,
    // bytes by which data are turned: the low 4 bits of addr, less the place in the register
    input  wire [  3:0] turn,
    input  wire [127:0] wdata,
    output wire         stored,
    output reg          loaded,
    output reg  [127:0] rdata,
    input  wire         flush,
    output wire         flushed,

    output wire         rq_valid,
    input  wire         rq_ready,
    output wire [ 31:0] rq_addr,
    output wire [  7:0] rq_len,
    input  wire         rd_valid,
    input  wire [127:0] rd_data,
    output wire         wq_valid,
    input  wire         wq_ready,
    output wire [ 31:0] wq_addr,
    output wire [  7:0] wq_len,
    output wire         wd_valid,
    input  wire         wd_ready,
    output wire [127:0] wd_data,
    output wire [ 15:0] wd_strb,
    input  wire         wr_done
);
  localparam INDEX = $clog2(LINES);
  localparam HALF = INDEX - 1;
  localparam TAG = 26 - INDEX;
  localparam ROWS = LINES / 16;
  localparam ROW = INDEX - 4;
  localparam [3:0] IDLE = 4'd0, CHECK = 4'd1, MISS = 4'd2, ASK_WRITE = 4'd3, WRITE = 4'd4, ASK_READ = 4'd5, READ = 4'd6, AGAIN = 4'd7,
      SCAN = 4'd8, DRAIN = 4'd9, EMPTY = 4'd10;

  reg [      3:0] state;
  reg [      1:0] beat;
  reg             flushing;
  // writes to memory that have not been answered, at most 4: a miss waits for all, since it may read what they write
  reg  [      2:0] unanswered;
  wire             all_answered = unanswered == 3'd0;
  reg [  ROW-1:0] scan;

  // the access
  reg             at_write;
  reg [     31:4] at;
  reg [      3:0] at_turn;
  reg [     31:0] at_bytes;
  // it goes on in the next line
  reg             at_crosses;

  // lines that are looked up: the even and the odd one of the two that begin with the line of the access
  wire [31:4] row = addr[31:4];
  wire [31:7] even_line = row[31:7] + {24'd0, row[6]};
  reg [31:7] at_even;
  reg even_valid;
  reg odd_valid;
  wire [TAG-1:0] even_tag;
  wire [TAG-1:0] odd_tag;

  wire even_hit = even_valid && even_tag == at_even[31-:TAG];
  wire odd_hit = odd_valid && odd_tag == at[31-:TAG];
  wire even_missing = !even_hit && (!at[6] || at_crosses);
  wire odd_missing = !odd_hit && (at[6] || at_crosses);
  wire hit = !even_missing && !odd_missing;
  wire store = state == CHECK && hit && at_write;

  wire filled = state == READ && rd_valid && beat == 2'd3;

  // the line that is replaced or written back
  reg [INDEX-1:0] victim;
  reg [TAG-1:0] victim_tag;
  wire [TAG-1:0] old_tag = victim[0] ? odd_tag : even_tag;
  wire wd_fire = wd_valid && wd_ready;
  wire [1:0] next_beat = beat + {1'b0, wd_fire};
  wire at_victim = state == MISS || state == ASK_WRITE || state == WRITE;

  // Which lines are there, and which of them differ from memory: rows of 8 even and 8 odd lines. What is dirty of a line that is not
  // there means nothing.
  reg [7:0] even_valids[0:ROWS-1];
  reg [7:0] odd_valids[0:ROWS-1];
  reg [7:0] even_dirties[0:ROWS-1];
  reg [7:0] odd_dirties[0:ROWS-1];
  wire [7:0] even_looked_up = even_valids[even_line[10+:ROW]];
  wire [7:0] odd_looked_up = odd_valids[row[10+:ROW]];
  wire emptying = state == EMPTY;
  wire [ROW-1:0] victim_row = emptying || state == SCAN ? scan : victim[4+:ROW];
  wire [ROW-1:0] even_row_of = store ? at_even[10+:ROW] : victim_row;
  wire [ROW-1:0] odd_row_of = store ? at[10+:ROW] : victim_row;
  wire [7:0] even_valid_row = even_valids[victim_row];
  wire [7:0] odd_valid_row = odd_valids[victim_row];
  wire [7:0] even_dirty_row = even_dirties[even_row_of];
  wire [7:0] odd_dirty_row = odd_dirties[odd_row_of];
  wire [7:0] victim_bit = 8'd1 << victim[3:1];
  wire [7:0] even_pending = even_valid_row & even_dirty_row;
  wire [7:0] odd_pending = odd_valid_row & odd_dirty_row;
  wire victim_dirty = ((victim[0] ? odd_pending : even_pending) & victim_bit) != 8'd0;
  wire [15:0] group = {
    odd_pending[7], even_pending[7], odd_pending[6], even_pending[6], odd_pending[5], even_pending[5], odd_pending[4], even_pending[4],
    odd_pending[3], even_pending[3], odd_pending[2], even_pending[2], odd_pending[1], even_pending[1], odd_pending[0], even_pending[0]
  };
  wire scanned = state == SCAN && group == 16'd0;
  wire clean = state == ASK_WRITE || filled;

  // what the rows of the two banks are asked
  wire [HALF+1:0] even_row = at_victim ? {victim, next_beat[1]} : row[5+:HALF+2] + {{(HALF + 1) {1'b0}}, row[4]};
  wire [HALF+1:0] odd_row = at_victim ? {victim, next_beat[1]} : row[5+:HALF+2];
  wire [127:0] even_data;
  wire [127:0] odd_data;

  // what they are told
  wire fill = state == READ && rd_valid;
  wire [HALF+1:0] row_of_at = at[5+:HALF+2];
  wire [HALF+1:0] even_written = fill ? {victim, beat[1]} : row_of_at + {{(HALF + 1) {1'b0}}, at[4]};
  wire [HALF+1:0] odd_written = fill ? {victim, beat[1]} : row_of_at;
  wire [15:0] even_bytes = fill ? {16{!beat[0]}} : !store ? 16'd0 : at[4] ? at_bytes[31:16] : at_bytes[15:0];
  wire [15:0] odd_bytes = fill ? {16{beat[0]}} : !store ? 16'd0 : at[4] ? at_bytes[15:0] : at_bytes[31:16];
  wire [127:0] turned;
  wire [127:0] written = fill ? rd_data : turned;

  cx_proc_turn turn_left (
      .amount(4'd0 - at_turn),
      .in    (wdata),
      .out   (turned)
  );

  genvar h;
  generate
    for (h = 0; h < 2; h = h + 1) begin : half
      cx_ram_bytes #(
          .DEPTH(2 * LINES)
      ) even (
          .clk  (clk),
          .we   (even_bytes[8*h+:8]),
          .waddr(even_written),
          .wdata(written[64*h+:64]),
          .raddr(even_row),
          .rdata(even_data[64*h+:64])
      );
      cx_ram_bytes #(
          .DEPTH(2 * LINES)
      ) odd (
          .clk  (clk),
          .we   (odd_bytes[8*h+:8]),
          .waddr(odd_written),
          .wdata(written[64*h+:64]),
          .raddr(odd_row),
          .rdata(odd_data[64*h+:64])
      );
    end
  endgenerate

  wire [HALF-1:0] half_victim = victim[1+:HALF];
  cx_ram #(
      .WIDTH(TAG),
      .DEPTH(LINES / 2)
  ) even_tags (
      .clk  (clk),
      .we   (filled && !victim[0]),
      .waddr(half_victim),
      .wdata(victim_tag),
      .raddr(at_victim ? half_victim : even_line[7+:HALF]),
      .rdata(even_tag)
  );
  cx_ram #(
      .WIDTH(TAG),
      .DEPTH(LINES / 2)
  ) odd_tags (
      .clk  (clk),
      .we   (filled && victim[0]),
      .waddr(half_victim),
      .wdata(victim_tag),
      .raddr(at_victim ? half_victim : row[7+:HALF]),
      .rdata(odd_tag)
  );

  // a load's bytes: those of the first row from the address on, of the second row below
  wire [127:0] first_row = at[4] ? odd_data : even_data;
  wire [127:0] second_row = at[4] ? even_data : odd_data;
  reg [15:0] at_low;
  wire [127:0] joined;
  genvar i;
  generate
    for (i = 0; i < 16; i = i + 1) begin : byte_of_rows
      assign joined[8*i+:8] = at_low[i] ? second_row[8*i+:8] : first_row[8*i+:8];
    end
  endgenerate
  wire [127:0] loading;
  cx_proc_turn turn_right (
      .amount(at_turn),
      .in    (joined),
      .out   (loading)
  );

  assign ready = !emptying;
  assign stored = store;
  assign flushed = state == DRAIN && all_answered;
  assign rq_valid = state == ASK_READ;
  assign rq_addr = {victim_tag, victim, 6'd0};
  assign rq_len = 8'd3;
  assign wq_valid = state == ASK_WRITE;
  assign wq_addr = {old_tag, victim, 6'd0};
  assign wq_len = 8'd3;
  assign wd_valid = state == WRITE;
  assign wd_data = beat[0] ? odd_data : even_data;
  assign wd_strb = 16'hffff;

  wire [6:0] end_in_line = {1'b0, addr[5:0]} + {2'd0, bytes[15], bytes[7] && !bytes[15], bytes[3] && !bytes[7], bytes[1] && !bytes[3], bytes[0] && !bytes[1]};
  wire [31:0] placed = {16'd0, bytes} << addr[3:0];

  // the lowest bit of a group that is set
  function [3:0] lowest;
    input [15:0] bits;
    casez (bits)
      16'b???????????????1: lowest = 4'd0;
      16'b??????????????10: lowest = 4'd1;
      16'b?????????????100: lowest = 4'd2;
      16'b????????????1000: lowest = 4'd3;
      16'b???????????10000: lowest = 4'd4;
      16'b??????????100000: lowest = 4'd5;
      16'b?????????1000000: lowest = 4'd6;
      16'b????????10000000: lowest = 4'd7;
      16'b???????100000000: lowest = 4'd8;
      16'b??????1000000000: lowest = 4'd9;
      16'b?????10000000000: lowest = 4'd10;
      16'b????100000000000: lowest = 4'd11;
      16'b???1000000000000: lowest = 4'd12;
      16'b??10000000000000: lowest = 4'd13;
      16'b?100000000000000: lowest = 4'd14;
      default: lowest = 4'd15;
    endcase
  endfunction

  always @(posedge clk) begin
    loaded <= 1'b0;
    at_even <= even_line;
    even_valid <= even_looked_up[even_line[9:7]];
    odd_valid <= odd_looked_up[row[9:7]];
    if (emptying || scanned || (filled && !victim[0])) even_valids[victim_row] <= emptying || scanned ? 8'd0 : even_valid_row | victim_bit;
    if (emptying || scanned || (filled && victim[0])) odd_valids[victim_row] <= emptying || scanned ? 8'd0 : odd_valid_row | victim_bit;
    if (store ? !at[6] || at_crosses : clean && !victim[0])
      even_dirties[even_row_of] <= store ? even_dirty_row | (8'd1 << at_even[9:7]) : even_dirty_row & ~victim_bit;
    if (store ? at[6] || at_crosses : clean && victim[0])
      odd_dirties[odd_row_of] <= store ? odd_dirty_row | (8'd1 << at[9:7]) : odd_dirty_row & ~victim_bit;
    if (req) begin
      at_write   <= write;
      at         <= addr[31:4];
      at_turn    <= turn;
      at_bytes   <= placed;
      at_low     <= ~(16'hffff << addr[3:0]);
      at_crosses <= end_in_line[6] && end_in_line[5:0] != 6'd0;
    end
    unanswered <= unanswered + {2'd0, wq_valid && wq_ready} - {2'd0, wr_done};
    if (rst) begin
      state      <= EMPTY;
      beat       <= 2'd0;
      flushing   <= 1'b0;
      unanswered <= 3'd0;
      scan       <= {ROW{1'b0}};
    end else
      case (state)
        IDLE:
        if (flush) begin
          state    <= SCAN;
          flushing <= 1'b1;
        end else if (req) state <= CHECK;
        CHECK:
        if (hit) begin
          state <= IDLE;
          loaded <= !at_write;
          rdata <= loading;
        end else begin
          state <= MISS;
          // the even one of two lines that are missing comes first
          victim <= even_missing ? {at_even[7+:HALF], 1'b0} : {at[7+:HALF], 1'b1};
          victim_tag <= even_missing ? at_even[31-:TAG] : at[31-:TAG];
        end
        MISS: if (flushing ? !unanswered[2] : all_answered) state <= victim_dirty ? ASK_WRITE : ASK_READ;
        ASK_WRITE: if (wq_ready) state <= WRITE;
        WRITE:
        if (wd_fire) begin
          beat <= next_beat;
          if (beat == 2'd3) state <= flushing ? SCAN : ASK_READ;
        end
        ASK_READ: if (rq_ready) state <= READ;
        READ:
        if (rd_valid) begin
          beat <= beat + 2'd1;
          if (beat == 2'd3) state <= AGAIN;
        end
        AGAIN: state <= CHECK;
        EMPTY: begin
          scan <= scan + {{(ROW - 1) {1'b0}}, 1'b1};
          if (&scan) state <= IDLE;
        end
        SCAN:
        if (scanned) begin
          scan <= scan + {{(ROW - 1) {1'b0}}, 1'b1};
          if (&scan) state <= DRAIN;
        end else begin
          victim <= {scan, lowest(group)};
          state  <= MISS;
        end
        DRAIN:
        if (all_answered) begin
          state    <= IDLE;
          flushing <= 1'b0;
        end
        default: state <= IDLE;
      endcase
  end
endmodule
