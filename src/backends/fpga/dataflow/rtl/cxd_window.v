`timescale 1ns/1ps
`default_nettype none
// Sliding window over a stream of pictures of H x W pixels, CF words a pixel. Words are kept in a ring of PIX pixels; for each output
// pixel (y, then x), fold, kernel row, kernel column and word of a tap, one word is read a cycle. A pixel is read when all that its
// window needs has arrived, and written when the ring holds nothing that is still needed in its place.
//
// Fold f reads TAPF words of each pixel, from word TAPF * (f / FG). Outside the picture a word is PAD in every byte; counted says that
// the tap lies between rows LY and HY and columns LX and HX.
module cxd_window #(
    parameter H = 8,
    parameter W = 8,
    parameter CF = 1,
    parameter LANES = 1,
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
    parameter [7:0] PAD = 0,
    parameter LY = 0,
    parameter HY = 8,
    parameter LX = 0,
    parameter HX = 8
) (
    input wire clk,
    input wire rst,
    input wire in_valid,
    output wire in_ready,
    input wire [8*LANES-1:0] in_data,
    // a fold may start
    input wire credit,
    output wire start,
    // a tap is read in this cycle
    output wire issue,
    // the same tap, one cycle later
    output reg tap_valid,
    output reg tap_first,
    output reg tap_last,
    output reg tap_counted,
    output wire [8*LANES-1:0] tap_data
);
  localparam RING = PIX * CF;
  localparam A = (RING > 1) ? $clog2(RING) : 1;
  localparam integer ROWS = H * W;

  // Steps between taps and between windows, in words of the ring.
  localparam integer STEP_X = (DX * CF - TAPF + 1) % RING;
  localparam integer STEP_Y = ((DY * W - (KW - 1) * DX) * CF - TAPF + 1) % RING;
  localparam integer MOVE_X = (SX * CF) % RING;
  localparam integer MOVE_Y = ((SY * W - (OW - 1) * SX) * CF) % RING;
  localparam integer MOVE_F = ((ROWS - (OH - 1) * SY * W - (OW - 1) * SX) * CF) % RING;
  localparam integer ORIGIN = (-(PT * W + PL) * CF) % RING;
  localparam integer SIZE_I = RING;
  localparam [A:0] SIZE = SIZE_I[A:0];
  localparam integer TO_ONE_I = 1 % RING;
  localparam [A:0] TO_ONE = TO_ONE_I[A:0];
  localparam integer TO_X_I = STEP_X < 0 ? STEP_X + RING : STEP_X;
  localparam [A:0] TO_X = TO_X_I[A:0];
  localparam integer TO_Y_I = STEP_Y < 0 ? STEP_Y + RING : STEP_Y;
  localparam [A:0] TO_Y = TO_Y_I[A:0];
  localparam integer BY_X_I = MOVE_X;
  localparam [A:0] BY_X = BY_X_I[A:0];
  localparam integer BY_Y_I = MOVE_Y < 0 ? MOVE_Y + RING : MOVE_Y;
  localparam [A:0] BY_Y = BY_Y_I[A:0];
  localparam integer BY_F_I = MOVE_F < 0 ? MOVE_F + RING : MOVE_F;
  localparam [A:0] BY_F = BY_F_I[A:0];
  localparam integer FROM_I = ORIGIN < 0 ? ORIGIN + RING : ORIGIN;
  localparam [A:0] FROM = FROM_I[A:0];

  // Rows and columns, signed.
  localparam integer SPAN_Y = H + KH * DY + PT + SY * OH + 1;
  localparam integer SPAN_X = W + KW * DX + PL + SX * OW + 1;
  localparam Z = $clog2(SPAN_Y * W + SPAN_X + PIX) + 3;
  localparam signed [Z-1:0] ZERO = 0;
  localparam signed [Z-1:0] ONE = 1;
  localparam integer Y_FIRST_I = -PT;
  localparam signed [Z-1:0] Y_FIRST = Y_FIRST_I[Z-1:0];
  localparam integer X_FIRST_I = -PL;
  localparam signed [Z-1:0] X_FIRST = X_FIRST_I[Z-1:0];
  localparam integer Y_STEP_I = SY;
  localparam signed [Z-1:0] Y_STEP = Y_STEP_I[Z-1:0];
  localparam integer X_STEP_I = SX;
  localparam signed [Z-1:0] X_STEP = X_STEP_I[Z-1:0];
  localparam integer Y_TAP_I = DY;
  localparam signed [Z-1:0] Y_TAP = Y_TAP_I[Z-1:0];
  localparam integer X_TAP_I = DX;
  localparam signed [Z-1:0] X_TAP = X_TAP_I[Z-1:0];
  localparam integer Y_END_I = H;
  localparam signed [Z-1:0] Y_END = Y_END_I[Z-1:0];
  localparam integer X_END_I = W;
  localparam signed [Z-1:0] X_END = X_END_I[Z-1:0];
  localparam integer COUNT_LY_I = LY;
  localparam signed [Z-1:0] COUNT_LY = COUNT_LY_I[Z-1:0];
  localparam integer COUNT_HY_I = HY;
  localparam signed [Z-1:0] COUNT_HY = COUNT_HY_I[Z-1:0];
  localparam integer COUNT_LX_I = LX;
  localparam signed [Z-1:0] COUNT_LX = COUNT_LX_I[Z-1:0];
  localparam integer COUNT_HX_I = HX;
  localparam signed [Z-1:0] COUNT_HX = COUNT_HX_I[Z-1:0];
  localparam integer X_REACH_I = (KW - 1) * DX;
  localparam signed [Z-1:0] X_REACH = X_REACH_I[Z-1:0];
  localparam integer X_LAST_I = W - 1;
  localparam signed [Z-1:0] X_LAST = X_LAST_I[Z-1:0];
  localparam integer Q_FIRST_I = -PT * W;
  localparam signed [Z-1:0] Q_FIRST = Q_FIRST_I[Z-1:0];
  localparam integer Q_STEP_I = SY * W;
  localparam signed [Z-1:0] Q_STEP = Q_STEP_I[Z-1:0];
  localparam integer Q_REACH_I = (KH - 1) * DY * W;
  localparam signed [Z-1:0] Q_REACH = Q_REACH_I[Z-1:0];
  localparam integer Q_LAST_I = (H - 1) * W;
  localparam signed [Z-1:0] Q_LAST = Q_LAST_I[Z-1:0];

  localparam CI = (TAPF > 1) ? $clog2(TAPF) : 1;
  localparam CX = (KW > 1) ? $clog2(KW) : 1;
  localparam CY = (KH > 1) ? $clog2(KH) : 1;
  localparam CO = (FOLDS > 1) ? $clog2(FOLDS) : 1;
  localparam CG = (FG > 1) ? $clog2(FG) : 1;
  localparam CW = (OW > 1) ? $clog2(OW) : 1;
  localparam CH = (OH > 1) ? $clog2(OH) : 1;
  localparam CB = (CF > 1) ? $clog2(CF) : 1;
  localparam integer I_LAST_I = TAPF - 1;
  localparam [CI-1:0] I_LAST = I_LAST_I[CI-1:0];
  localparam integer KX_LAST_I = KW - 1;
  localparam [CX-1:0] KX_LAST = KX_LAST_I[CX-1:0];
  localparam integer KY_LAST_I = KH - 1;
  localparam [CY-1:0] KY_LAST = KY_LAST_I[CY-1:0];
  localparam integer FOLD_LAST_I = FOLDS - 1;
  localparam [CO-1:0] FOLD_LAST = FOLD_LAST_I[CO-1:0];
  localparam integer GROUP_LAST_I = FG - 1;
  localparam [CG-1:0] GROUP_LAST = GROUP_LAST_I[CG-1:0];
  localparam integer OX_LAST_I = OW - 1;
  localparam [CW-1:0] OX_LAST = OX_LAST_I[CW-1:0];
  localparam integer OY_LAST_I = OH - 1;
  localparam [CH-1:0] OY_LAST = OY_LAST_I[CH-1:0];
  localparam integer WORD_LAST_I = CF - 1;
  localparam [CB-1:0] WORD_LAST = WORD_LAST_I[CB-1:0];
  localparam integer BASE_STEP_I = TAPF;
  localparam [A:0] BASE_STEP = BASE_STEP_I[A:0];

  // Writer: words go into the ring in order.
  reg [A-1:0] write;
  reg [CB-1:0] word;
  wire push = in_valid && in_ready;
  wire whole = push && word == WORD_LAST;
  localparam integer RING_LAST_I = RING - 1;
  localparam [A-1:0] RING_LAST = RING_LAST_I[A-1:0];

  // Reader
  reg [CI-1:0] i;
  reg [CX-1:0] kx;
  reg [CY-1:0] ky;
  reg [CO-1:0] fold;
  reg [CG-1:0] member;
  reg [CW-1:0] ox;
  reg [CH-1:0] oy;
  reg [A-1:0] origin, address;
  reg [A:0] base;
  reg signed [Z-1:0] row, row0;
  reg signed [Z-1:0] column, column0;
  reg signed [Z-1:0] place0;

  wire i_end = i == I_LAST;
  wire x_end = i_end && kx == KX_LAST;
  wire tap_end = x_end && ky == KY_LAST;
  wire fold_end = tap_end && fold == FOLD_LAST;
  wire row_end = fold_end && ox == OX_LAST;
  wire frame_end = row_end && oy == OY_LAST;
  wire fold_start = i == 0 && kx == 0 && ky == 0;

  // Pixels of this frame that have arrived (negative: those of the frame before are still to come), that the window needs, and that no
  // later window needs.
  reg signed [Z-1:0] arrived;
  wire signed [Z-1:0] reach_y = place0 + Q_REACH;
  wire signed [Z-1:0] need_y = reach_y < ZERO ? ZERO : (reach_y > Q_LAST ? Q_LAST : reach_y);
  wire signed [Z-1:0] reach_x = column0 + X_REACH;
  wire signed [Z-1:0] need_x = reach_x < ZERO ? ZERO : (reach_x > X_LAST ? X_LAST : reach_x);
  wire signed [Z-1:0] gone_x = column0 < ZERO ? ZERO : (column0 > X_END ? X_END : column0);
  wire signed [Z-1:0] newest = need_y + need_x;
  wire signed [Z-1:0] gone = place0 < ZERO ? ZERO : place0 + gone_x;
  localparam integer CAPACITY_I = PIX;
  localparam signed [Z-1:0] CAPACITY = CAPACITY_I[Z-1:0];
  localparam integer FRAME_I = ROWS;
  localparam signed [Z-1:0] FRAME = FRAME_I[Z-1:0];
  wire there = arrived > newest;

  assign in_ready = (arrived - gone) < CAPACITY;
  assign start = fold_start && credit && (fold != 0 || there);
  assign issue = !fold_start || start;

  // base + TAPF of the next fold, and the addresses of the next tap
  wire [A:0] base_next = fold_end ? {(A + 1) {1'b0}} : (member == GROUP_LAST ? base + BASE_STEP : base);
  wire [A:0] move = frame_end ? BY_F : (row_end ? BY_Y : BY_X);
  wire [A:0] moved = {1'b0, origin} + move;
  wire [A:0] moved_in = moved >= SIZE ? moved - SIZE : moved;
  wire [A:0] origin_next = fold_end ? moved_in : {1'b0, origin};
  wire [A:0] from = tap_end ? origin_next : {1'b0, address};
  wire [A:0] by = tap_end ? base_next : (x_end ? TO_Y : (i_end ? TO_X : TO_ONE));
  wire [A:0] to = from + by;
  wire [A:0] to_in = to >= SIZE ? to - SIZE : to;
  wire unused = to_in[A];

  wire signed [Z-1:0] row0_next = frame_end ? Y_FIRST : (row_end ? row0 + Y_STEP : row0);
  wire signed [Z-1:0] column0_next = row_end ? X_FIRST : (fold_end ? column0 + X_STEP : column0);

  wire in_picture = row >= ZERO && row < Y_END && column >= ZERO && column < X_END;
  wire counted = row >= COUNT_LY && row < COUNT_HY && column >= COUNT_LX && column < COUNT_HX;
  reg was_picture;
  wire [8*LANES-1:0] kept;

  cxd_ram #(
      .W(8 * LANES),
      .DEPTH(RING)
  ) ring (
      .clk(clk),
      .we(push),
      .waddr(write),
      .wdata(in_data),
      .re(issue),
      .raddr(address),
      .rdata(kept)
  );

  assign tap_data = was_picture ? kept : {LANES{PAD}};

  always @(posedge clk) begin
    was_picture <= in_picture;
    tap_first <= fold_start;
    tap_last <= tap_end;
    tap_counted <= counted;
    if (rst) begin
      write <= 0;
      word <= 0;
      arrived <= 0;
      tap_valid <= 1'b0;
      i <= 0;
      kx <= 0;
      ky <= 0;
      fold <= 0;
      member <= 0;
      ox <= 0;
      oy <= 0;
      origin <= FROM[A-1:0];
      address <= FROM[A-1:0];
      base <= 0;
      row <= Y_FIRST;
      row0 <= Y_FIRST;
      column <= X_FIRST;
      column0 <= X_FIRST;
      place0 <= Q_FIRST;
    end else begin
      if (push) begin
        write <= write == RING_LAST ? 0 : write + 1'b1;
        word  <= word == WORD_LAST ? 0 : word + 1'b1;
      end
      arrived <= arrived + (whole ? ONE : ZERO) - (issue && frame_end ? FRAME : ZERO);
      tap_valid <= issue;
      if (issue) begin
        i <= i_end ? 0 : i + 1'b1;
        if (i_end) kx <= x_end ? 0 : kx + 1'b1;
        if (x_end) ky <= tap_end ? 0 : ky + 1'b1;
        if (tap_end) begin
          fold <= fold_end ? 0 : fold + 1'b1;
          member <= fold_end || member == GROUP_LAST ? 0 : member + 1'b1;
        end
        if (fold_end) ox <= row_end ? 0 : ox + 1'b1;
        if (row_end) oy <= frame_end ? 0 : oy + 1'b1;
        base <= tap_end ? base_next : base;
        origin <= origin_next[A-1:0];
        address <= to_in[A-1:0];
        row0 <= row0_next;
        column0 <= column0_next;
        if (row_end) place0 <= frame_end ? Q_FIRST : place0 + Q_STEP;
        row <= tap_end ? row0_next : (x_end ? row + Y_TAP : row);
        column <= tap_end ? column0_next : (x_end ? column0 : (i_end ? column + X_TAP : column));
      end
    end
  end
endmodule
