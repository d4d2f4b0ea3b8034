`timescale 1ns/1ps
`default_nettype none
// 32 bits of the vector instructions that work lane by lane without moving bytes. One adder does all sums, differences and comparisons:
// guard bits between its bytes let carries through inside an element, and set them to the carry in of the next element where one ends.
module cx_valu_lane (
    // elements of 8 and 16 bits; of 32 where neither; of 64 where `joined` and `carry_in` is that of the lane below
    input  wire        bytes,
    input  wire        halves,
    input  wire        subtract,
    // differences: operands are compared as unsigned numbers, else as signed ones; set where elements are joined, for the carry
    input  wire        is_unsigned,
    input  wire        carry_in,
    // what is wanted, one or none
    input  wire        get_sum,
    input  wire        get_saturated,
    input  wire        get_max,
    input  wire        get_min,
    input  wire        get_equal,
    input  wire        get_greater,
    input  wire        get_logic,
    // and, or, xor, and-not
    input  wire [ 1:0] logic_kind,
    input  wire        get_select,
    input  wire        get_a,
    input  wire        get_b,
    // a sum of 0 and b, or its negation
    input  wire        a_is_zero,
    input  wire [31:0] a,
    input  wire [31:0] b,
    input  wire [31:0] c,
    output wire        carry_out,
    output reg  [31:0] out
);
  wire between = bytes;
  wire middle = bytes || halves;
  wire [31:0] minuend = a_is_zero ? 32'd0 : a;
  // The top bits of signed elements are flipped for comparisons; a difference does not change by it.
  wire flip = subtract && !is_unsigned;
  wire [31:0] tops = {flip, 7'd0, flip && bytes, 7'd0, flip && middle, 7'd0, flip && bytes, 7'd0};
  wire [31:0] x = minuend ^ tops;
  wire [31:0] y = b ^ tops ^ {32{subtract}};
  wire [34:0] xg = {x[31:24], !between || subtract, x[23:16], !middle || subtract, x[15:8], !between || subtract, x[7:0]};
  wire [34:0] yg = {y[31:24], between && subtract, y[23:16], middle && subtract, y[15:8], between && subtract, y[7:0]};
  wire [35:0] total = {1'b0, xg} + {1'b0, yg} + {35'd0, carry_in};
  wire [31:0] sum = {total[34:27], total[25:18], total[16:9], total[7:0]};
  assign carry_out = total[35];

  // a >= b, by bytes
  wire top0 = bytes ? total[8] : halves ? total[17] : total[35];
  wire top1 = halves || bytes ? total[17] : total[35];
  wire top2 = bytes ? total[26] : total[35];
  wire [31:0] not_below = {{8{total[35]}}, {8{top2}}, {8{top1}}, {8{top0}}};

  wire over0 = a[15] == b[15] && sum[15] != a[15];
  wire over1 = a[31] == b[31] && sum[31] != a[31];
  wire equal = a == b;

  always @* begin
    out = 32'd0;
    if (get_sum) out = sum;
    if (get_saturated) out = {over1 ? {a[31], {15{!a[31]}}} : sum[31:16], over0 ? {a[15], {15{!a[15]}}} : sum[15:0]};
    if (get_max) out = (a & not_below) | (b & ~not_below);
    if (get_min) out = (b & not_below) | (a & ~not_below);
    if (get_equal) out = {32{equal}};
    if (get_greater) out = {32{total[35] && !equal}};
    if (get_logic)
      case (logic_kind)
        2'd0: out = a & b;
        2'd1: out = a | b;
        2'd2: out = a ^ b;
        2'd3: out = a & ~b;
      endcase
    if (get_select) out = (a & c) | (b & ~c);
    if (get_a) out = a;
    if (get_b) out = b;
  end
endmodule
