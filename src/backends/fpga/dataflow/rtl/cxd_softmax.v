`timescale 1ns/1ps
`default_nettype none
// Softmax of a row of N values of i8 through a table E of 256 entries of 0 to 2^16: m = greatest x, s = sum of E[m - x],
// R = floor(2^46 / s), 0 for s = 0; y = min(255, (E[m - x] R + 2^37) >> 38) - 128. One row at a time: 3 N + 56 cycles.
module cxd_softmax #(
    parameter N = 10,
    parameter FILE = ""
) (
    input wire clk,
    input wire rst,
    input wire in_valid,
    output wire in_ready,
    input wire [7:0] in_data,
    output wire out_valid,
    input wire out_ready,
    output wire [7:0] out_data
);
  localparam A = (N > 1) ? $clog2(N) : 1;
  localparam integer LAST_I = N - 1;
  localparam [A-1:0] LAST = LAST_I[A-1:0];
  localparam [2:0] TAKE = 3'd0;
  localparam [2:0] SUM = 3'd1;
  localparam [2:0] DIVIDE = 3'd2;
  localparam [2:0] GIVE = 3'd3;
  localparam [5:0] DIGITS = 6'd46;

  reg [2:0] state;
  reg [A-1:0] place;
  reg done;
  // behind the address of a value: value, entry, sum or product
  reg v1, v2, v3, v4;
  reg signed [7:0] greatest;
  wire [7:0] value;
  wire [16:0] entry;
  reg [30:0] total;
  reg [5:0] digit;
  reg [30:0] rest;
  reg [46:0] quotient;

  wire take = state == TAKE && in_valid;
  wire move = state != GIVE || !v4 || out_ready;
  wire read = (state == SUM || state == GIVE) && !done && move;
  wire signed [7:0] x = in_data;
  wire [7:0] distance = greatest - value;
  wire drained = done && !v1 && !v2 && !v3 && !v4;

  assign in_ready = state == TAKE;
  assign out_valid = state == GIVE && v4;

  cxd_ram #(
      .W(8),
      .DEPTH(N)
  ) row (
      .clk(clk),
      .we(take),
      .waddr(place),
      .wdata(in_data),
      .re(read),
      .raddr(place),
      .rdata(value)
  );

  cxd_rom #(
      .W(17),
      .DEPTH(256),
      .FILE(FILE)
  ) entries (
      .clk(clk),
      .re(move),
      .addr(distance),
      .q(entry)
  );

  // Long division of 2^46: a digit a cycle, the highest first.
  wire [31:0] doubled = {rest, digit == DIGITS};
  wire fits = total != 0 && doubled >= {1'b0, total};

  // entry * R in parts of 16 bits; R <= 2^46 / s, and entry <= s, so that the product is at most 2^46.
  reg signed [34:0] low, middle, high;
  wire signed [17:0] e = {1'b0, entry};
  wire signed [16:0] r_low = {1'b0, quotient[15:0]};
  wire signed [16:0] r_middle = {1'b0, quotient[31:16]};
  wire signed [16:0] r_high = {2'b00, quotient[46:32]};
  wire signed [66:0] low_wide = {{32{low[34]}}, low};
  wire signed [66:0] middle_wide = {{32{middle[34]}}, middle};
  wire signed [66:0] high_wide = {{32{high[34]}}, high};
  wire signed [66:0] middle_moved = middle_wide <<< 16;
  wire signed [66:0] high_moved = high_wide <<< 32;
  wire signed [66:0] rounded = low_wide + middle_moved + high_moved + (67'sd1 <<< 37);
  wire signed [66:0] scaled = rounded >>> 38;
  reg [7:0] y;

  assign out_data = y;

  always @(posedge clk) begin
    if (move) begin
      low <= e * r_low;
      middle <= e * r_middle;
      high <= e * r_high;
      y <= scaled > 67'sd255 ? 8'h7f : scaled[7:0] ^ 8'h80;
    end
    if (state == TAKE) total <= 31'd0;
    else if (state == SUM && v2) total <= total + {14'd0, entry};
    if (take) greatest <= place == 0 || x > greatest ? x : greatest;
    if (state == DIVIDE) begin
      rest <= fits ? doubled[30:0] - total : doubled[30:0];
      quotient <= {quotient[45:0], fits};
      digit <= digit - 6'd1;
    end else begin
      if (state != GIVE) quotient <= 47'd0;
      rest <= 31'd0;
      digit <= DIGITS;
    end
    if (rst) begin
      state <= TAKE;
      place <= 0;
      done <= 1'b0;
      {v1, v2, v3, v4} <= 4'd0;
    end else begin
      if (move) {v1, v2, v3, v4} <= {read, v1, v2, v3};
      if (take || read) begin
        place <= place == LAST ? 0 : place + 1'b1;
        if (read && place == LAST) done <= 1'b1;
        if (take && place == LAST) state <= SUM;
      end
      if (state == SUM && drained) state <= DIVIDE;
      if (state == DIVIDE) begin
        done <= 1'b0;
        if (digit == 6'd0) state <= GIVE;
      end
      if (state == GIVE && drained) begin
        state <= TAKE;
        done  <= 1'b0;
      end
    end
  end
endmodule
