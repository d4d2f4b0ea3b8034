`timescale 1ns/1ps
`default_nettype none
// clamp(rshr((x + bias) M, s) + ZERO, LO, HI), six cycles after its inputs; exact for 0 <= M < 2^MW, MW <= 22, OW <= 16 and every x.
// The shift is given as steps over S0: s = S0 + 1 + steps. rshr(P, s) = ((P >> (s - 1)) + 1) >> 1.
module cxd_requant #(
    parameter AW = 32,
    parameter MW = 15,
    parameter SB = 6,
    parameter S0 = 0,
    parameter OW = 8,
    parameter signed [31:0] ZERO = 0,
    parameter signed [31:0] LO = -128,
    parameter signed [31:0] HI = 127
) (
    input wire clk,
    input wire signed [AW-1:0] x,
    input wire signed [31:0] bias,
    input wire [MW-1:0] multiplier,
    input wire [SB-1:0] steps,
    output wire [OW-1:0] y
);
  localparam PW = 33 + MW;
  localparam VW = 21;
  localparam signed [VW-1:0] MOST = {2'b00, {(VW - 2) {1'b1}}};
  localparam signed [VW-1:0] LEAST = {2'b11, {(VW - 2) {1'b0}}};
  localparam integer V_ZERO_I = ZERO;
  localparam signed [VW-1:0] V_ZERO = V_ZERO_I[VW-1:0];
  localparam integer V_LO_I = LO;
  localparam signed [VW-1:0] V_LO = V_LO_I[VW-1:0];
  localparam integer V_HI_I = HI;
  localparam signed [VW-1:0] V_HI = V_HI_I[VW-1:0];
  localparam signed [VW-1:0] V_ONE = 1;

  wire signed [31:0] wide_x;
  generate
    if (AW < 32) begin : extended
      assign wide_x = {{(32 - AW) {x[AW-1]}}, x};
    end else begin : whole
      assign wide_x = x;
    end
  endgenerate

  // Multipliers in parts of 11 bits, so that every product fits 18 x 18 bits.
  localparam ML = MW > 17 ? 11 : MW;
  localparam MH = MW > 17 ? MW - 11 : 1;
  reg signed [31:0] t1;
  reg [MW-1:0] m1;
  reg [SB-1:0] s1, s2, s3;
  reg signed [PW-1:0] p3, coarse4;
  reg [2:0] s4;
  reg signed [VW-1:0] v5;
  reg [OW-1:0] y6;
  wire signed [16:0] t_high = {t1[31], t1[31:16]};
  wire signed [16:0] t_low = {1'b0, t1[15:0]};
  wire signed [ML:0] m_low = {1'b0, m1[ML-1:0]};
  reg signed [17+ML:0] hl2, ll2;
  wire signed [PW-1:0] hl_wide = {{(PW - 18 - ML) {hl2[17+ML]}}, hl2};
  wire signed [PW-1:0] ll_wide = {{(PW - 18 - ML) {ll2[17+ML]}}, ll2};
  wire signed [PW-1:0] hl_moved = hl_wide <<< 16;
  wire signed [PW-1:0] upper;

  generate
    if (MW > 17) begin : two
      wire signed [MH:0] m_high = {1'b0, m1[MW-1:ML]};
      reg signed [17+MH:0] hh2, lh2;
      wire signed [PW-1:0] hh_wide = {{(PW - 18 - MH) {hh2[17+MH]}}, hh2};
      wire signed [PW-1:0] lh_wide = {{(PW - 18 - MH) {lh2[17+MH]}}, lh2};
      wire signed [PW-1:0] hh_moved = hh_wide <<< (16 + ML);
      wire signed [PW-1:0] lh_moved = lh_wide <<< ML;
      assign upper = hh_moved + lh_moved;
      always @(posedge clk) begin
        hh2 <= t_high * m_high;
        lh2 <= t_low * m_high;
      end
    end else begin : one
      assign upper = 0;
    end
  endgenerate

  wire signed [PW-1:0] based = p3 >>> S0;
  wire [5:0] far = {{(6 - SB) {1'b0}}, s3} & 6'b111000;
  wire signed [PW-1:0] shifted = based >>> far;
  wire signed [PW-1:0] fine = coarse4 >>> s4;
  wire fits = fine[PW-1:VW-2] == {(PW - VW + 2) {fine[PW-1]}};
  wire signed [VW-1:0] rounded = v5 + V_ONE;
  wire signed [VW-1:0] halved = rounded >>> 1;
  wire signed [VW-1:0] placed = halved + V_ZERO;

  always @(posedge clk) begin
    t1 <= wide_x + bias;
    m1 <= multiplier;
    s1 <= steps;
    hl2 <= t_high * m_low;
    ll2 <= t_low * m_low;
    s2 <= s1;
    p3 <= upper + hl_moved + ll_wide;
    s3 <= s2;
    coarse4 <= shifted;
    s4 <= s3[2:0];
    v5 <= fits ? fine[VW-1:0] : (fine[PW-1] ? LEAST : MOST);
    y6 <= placed < V_LO ? V_LO[OW-1:0] : (placed > V_HI ? V_HI[OW-1:0] : placed[OW-1:0]);
  end

  assign y = y6;
endmodule
