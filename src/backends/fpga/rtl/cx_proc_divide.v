`timescale 1ns/1ps
`default_nettype none
`include "cx_isa.vh"
// Quotients and remainders, truncated, of 32 and 64 bits; of a divisor of 0 the quotient is 0 and the remainder the dividend. Two bits of the quotient
// a cycle, without the leading zero bytes of the dividend's amount: `done` comes 2 + 4 * n cycles after `start`, for n bytes that are
// left, and 2 cycles after it where the divisor is 0. `start` is a cycle, the other inputs stay.
module cx_proc_divide (
    input  wire        clk,
    input  wire        rst,
    input  wire        start,
    input  wire        enable,
    input  wire [ 7:0] op,
    input  wire [63:0] a,
    input  wire [63:0] b,
    output wire        done,
    output reg  [63:0] out
);
  localparam [1:0] IDLE = 2'd0, SKIP = 2'd1, STEP = 2'd2, DONE = 2'd3;

  wire wide = op >= `CX_OP_DIV64S;
  wire is_signed = op == `CX_OP_DIV32S || op == `CX_OP_REM32S || op == `CX_OP_DIV64S || op == `CX_OP_REM64S;
  wire remainder_wanted = op == `CX_OP_REM32S || op == `CX_OP_REM32U || op == `CX_OP_REM64S || op == `CX_OP_REM64U;
  wire a_negative = is_signed && (wide ? a[63] : a[31]);
  wire b_negative = is_signed && (wide ? b[63] : b[31]);
  wire [63:0] a_extended = wide ? a : {{32{a_negative}}, a[31:0]};
  wire [63:0] b_extended = wide ? b : {{32{b_negative}}, b[31:0]};

  reg [1:0] state;
  reg [4:0] left;
  reg [63:0] divisor;
  // bits of the dividend that are to come above, bits of the quotient below
  reg [63:0] quotient;
  reg [63:0] remainder;
  reg negative;

  // two steps of a long division
  wire [64:0] high1 = {remainder, quotient[63]};
  wire [64:0] try1 = high1 - {1'b0, divisor};
  wire [63:0] kept1 = try1[64] ? high1[63:0] : try1[63:0];
  wire [64:0] high2 = {kept1, quotient[62]};
  wire [64:0] try2 = high2 - {1'b0, divisor};
  wire [63:0] kept2 = try2[64] ? high2[63:0] : try2[63:0];

  wire [63:0] result = remainder_wanted ? remainder : quotient;
  wire [63:0] answer = negative ? 64'd0 - result : result;

  assign done = state == DONE;

  always @* begin
    out = 64'd0;
    if (enable) out = wide ? answer : {{32{answer[31]}}, answer[31:0]};
  end

  always @(posedge clk)
    if (rst) state <= IDLE;
    else
      case (state)
        IDLE:
        if (start) begin
          state     <= SKIP;
          quotient  <= a_negative ? 64'd0 - a_extended : a_extended;
          divisor   <= b_negative ? 64'd0 - b_extended : b_extended;
          remainder <= 64'd0;
          negative  <= a_negative ^ (b_negative && !remainder_wanted);
        end
        SKIP: begin
          state <= STEP;
          if (divisor == 64'd0) begin
            state     <= DONE;
            remainder <= quotient;
            quotient  <= 64'd0;
          end else if (quotient[63:56] != 8'd0) left <= 5'd31;
          else if (quotient[55:48] != 8'd0) begin
            left     <= 5'd27;
            quotient <= {quotient[55:0], 8'd0};
          end else if (quotient[47:40] != 8'd0) begin
            left     <= 5'd23;
            quotient <= {quotient[47:0], 16'd0};
          end else if (quotient[39:32] != 8'd0) begin
            left     <= 5'd19;
            quotient <= {quotient[39:0], 24'd0};
          end else if (quotient[31:24] != 8'd0) begin
            left     <= 5'd15;
            quotient <= {quotient[31:0], 32'd0};
          end else if (quotient[23:16] != 8'd0) begin
            left     <= 5'd11;
            quotient <= {quotient[23:0], 40'd0};
          end else if (quotient[15:8] != 8'd0) begin
            left     <= 5'd7;
            quotient <= {quotient[15:0], 48'd0};
          end else begin
            // an amount of 0 takes as long as one of a byte
            left     <= 5'd3;
            quotient <= {quotient[7:0], 56'd0};
          end
        end
        STEP: begin
          quotient  <= {quotient[61:0], !try1[64], !try2[64]};
          remainder <= kept2;
          left      <= left - 5'd1;
          if (left == 5'd0) state <= DONE;
        end
        DONE: state <= IDLE;
      endcase
endmodule
