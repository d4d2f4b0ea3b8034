`timescale 1ns/1ps
`default_nettype none

`include "cx_commands.vh"
// Walks the taps of a COMPUTE command, one a cycle, or in mode dot one in 16 / VI; the beat of the addend, where there is one, before the taps
// of an output. GROUPS neighbouring columns are walked at once. Loops end without empty cycles, but outputs take at least `least` + 1. All counts
// are at least 1. Addresses are those of stage 0.
module cx_conv_issue #(
    parameter VI = 16,
    parameter GROUPS = 1
) (
    input wire clk,
    input wire rst,
    input wire start,  // the command is in its register from this cycle on
    input wire [511:0] cmd,
    input wire depthwise,
    input wire dot,
    input wire add,
    input wire [15:0] sets,  // of GROUPS columns, in a row
    input wire [GROUPS-1:0] rest,  // groups that have a column in the last set
    input wire [3:0] least,
    input wire [15:0] add_base,
    input wire [15:0] add_block,
    input wire [15:0] add_y,
    input wire [15:0] add_x,
    output wire tap,
    output wire addend,
    output wire first,  // first tap of an output
    output wire last,  // last tap of an output
    output wire [GROUPS-1:0] live,  // groups that have a column
    output wire [GROUPS-1:0] in_bounds,  // else the tap is padding
    output wire [16*GROUPS-1:0] address,
    output wire [15:0] weight,
    output wire [3:0] turn,  // first input that counts
    output reg [3:0] weight_tap
);
  localparam LOG = GROUPS == 1 ? 0 : GROUPS == 2 ? 1 : 2;
  localparam IDLE = 2'd0, ADDEND = 2'd1, TAP = 2'd2, WAIT = 2'd3;
  reg [1:0] state;
  reg [3:0] left;  // cycles that the output must last after this one
  reg fresh, over;

  reg [15:0] a_o, a_y, a_x, a_ky, a_kx, a;
  reg [15:0] n_ic, n_x, n_y, n_o;
  reg [7:0] n_kx, n_ky;
  reg z_ic, z_kx, z_ky, z_x, z_y, z_o;
  reg [15:0] row_y, row, column_x, column;
  reg [15:0] w_o, w;

  wire [15:0] inputs = cmd[`CX_COMPUTE_INPUTS];
  wire [7:0] kernel_x = cmd[`CX_COMPUTE_KERNEL_X];
  wire [7:0] kernel_y = cmd[`CX_COMPUTE_KERNEL_Y];
  wire [15:0] rows = cmd[`CX_COMPUTE_ROWS];
  wire [15:0] blocks = cmd[`CX_COMPUTE_BLOCKS];

  wire end_kx = z_ic & z_kx;
  wire end_out = end_kx & z_ky;
  wire end_x = end_out & z_x;
  wire end_y = end_x & z_y;
  wire step;  // the last cycle of a tap

  wire [15:0] from = !z_ic ? a : !z_kx ? a_kx : !z_ky ? a_ky : !z_x ? a_x : !z_y ? a_y : a_o;
  wire [15:0] by = !z_ic ? cmd[`CX_COMPUTE_IN_IC] : !z_kx ? cmd[`CX_COMPUTE_IN_KX] : !z_ky ? cmd[`CX_COMPUTE_IN_KY] :
      !z_x ? cmd[`CX_COMPUTE_IN_X] << LOG : !z_y ? cmd[`CX_COMPUTE_IN_Y] : cmd[`CX_COMPUTE_IN_BLOCK];
  wire [15:0] next = from + by;
  wire [15:0] next_w_o = w_o + cmd[`CX_COMPUTE_WEIGHT_BLOCK];

  wire [15:0] add_address;
  wire add_inner, add_outer, add_last;
  cx_walk addends (
      .clk(clk), .start(start), .step(step & end_out), .base(add_base), .stride_2(add_block), .stride_1(add_y), .stride_0(add_x << LOG),
      .count_2(blocks), .count_1(rows), .count_0(sets), .address(add_address), .inner(add_inner), .outer(add_outer), .last(add_last));
  wire unused = &{1'b0, add_inner, add_outer, add_last, cmd, dot};

  generate
    if (VI == 16) begin : whole
      assign turn = 4'd0;
      assign step = state == TAP;
    end else begin : turns
      reg [3:0] now;
      localparam [3:0] LAST = VI == 8 ? 4'd8 : 4'd12, BY = VI == 8 ? 4'd8 : 4'd4;
      always @(posedge clk) now <= start | step | state != TAP ? 4'd0 : now + BY;
      assign turn = now;
      assign step = state == TAP & (!dot | now == LAST);
    end
  endgenerate

  // the other groups are so far from the first
  wire [15:0] column_step = {8'd0, cmd[`CX_COMPUTE_STEP_X]};
  genvar g;
  generate
    for (g = 0; g < GROUPS; g = g + 1) begin : group
      reg [15:0] input_skip, add_skip, column_skip;
      wire [15:0] own = addend ? add_address + add_skip : a + input_skip;
      wire [15:0] at = column + column_skip;
      always @(posedge clk)
        if (start) begin
          input_skip <= (g % 2 == 1 ? cmd[`CX_COMPUTE_IN_X] : 16'd0) + (g / 2 == 1 ? cmd[`CX_COMPUTE_IN_X] << 1 : 16'd0);
          add_skip <= (g % 2 == 1 ? add_x : 16'd0) + (g / 2 == 1 ? add_x << 1 : 16'd0);
          column_skip <= (g % 2 == 1 ? column_step : 16'd0) + (g / 2 == 1 ? column_step << 1 : 16'd0);
        end
      assign address[16*g+:16] = own;
      assign in_bounds[g] = row < {1'b0, cmd[`CX_COMPUTE_HEIGHT]} & at < {1'b0, cmd[`CX_COMPUTE_WIDTH]};
    end
  endgenerate

  assign live = z_x ? rest : {GROUPS{1'b1}};
  assign tap = state == TAP;
  assign addend = state == ADDEND;
  assign first = fresh & turn == 4'd0;
  assign last = step & end_out;
  assign weight = w;

  always @(posedge clk) begin
    if (start) begin
      a_o <= cmd[`CX_COMPUTE_IN_BASE];
      a_y <= cmd[`CX_COMPUTE_IN_BASE];
      a_x <= cmd[`CX_COMPUTE_IN_BASE];
      a_ky <= cmd[`CX_COMPUTE_IN_BASE];
      a_kx <= cmd[`CX_COMPUTE_IN_BASE];
      a <= cmd[`CX_COMPUTE_IN_BASE];
      w_o <= cmd[`CX_COMPUTE_WEIGHT_BASE];
      w <= cmd[`CX_COMPUTE_WEIGHT_BASE];
      weight_tap <= 4'd0;
      row_y <= cmd[`CX_COMPUTE_Y0];
      row <= cmd[`CX_COMPUTE_Y0];
      column_x <= cmd[`CX_COMPUTE_X0];
      column <= cmd[`CX_COMPUTE_X0];
      n_o <= blocks;
      z_o <= blocks == 16'd1;
    end else if (step) begin
      a <= next;
      if (z_ic) a_kx <= next;
      if (end_kx) a_ky <= next;
      if (end_out) a_x <= next;
      if (end_x) a_y <= next;
      if (end_y) begin
        a_o <= next;
        n_o <= n_o - 16'd1;
        z_o <= n_o == 16'd2;
        w_o <= next_w_o;
      end
      if (end_out) begin
        w <= end_y ? next_w_o : w_o;
        weight_tap <= 4'd0;
      end else begin
        if (!depthwise | weight_tap == 4'd15) w <= w + 16'd1;
        weight_tap <= weight_tap + 4'd1;
      end
      if (end_y) row_y <= cmd[`CX_COMPUTE_Y0];
      else if (end_x) row_y <= row_y + {8'd0, cmd[`CX_COMPUTE_STEP_Y]};
      if (end_y) row <= cmd[`CX_COMPUTE_Y0];
      else if (end_x) row <= row_y + {8'd0, cmd[`CX_COMPUTE_STEP_Y]};
      else if (end_out) row <= row_y;
      else if (end_kx) row <= row + {8'd0, cmd[`CX_COMPUTE_DILATION_Y]};
      if (end_x) column_x <= cmd[`CX_COMPUTE_X0];
      else if (end_out) column_x <= column_x + (column_step << LOG);
      if (end_x) column <= cmd[`CX_COMPUTE_X0];
      else if (end_out) column <= column_x + (column_step << LOG);
      else if (end_kx) column <= column_x;
      else if (z_ic) column <= column + {8'd0, cmd[`CX_COMPUTE_DILATION_X]};
    end
    if (start | (step & z_ic)) begin
      n_ic <= inputs;
      z_ic <= inputs == 16'd1;
    end else if (step) begin
      n_ic <= n_ic - 16'd1;
      z_ic <= n_ic == 16'd2;
    end
    if (start | (step & end_kx)) begin
      n_kx <= kernel_x;
      z_kx <= kernel_x == 8'd1;
    end else if (step & z_ic) begin
      n_kx <= n_kx - 8'd1;
      z_kx <= n_kx == 8'd2;
    end
    if (start | (step & end_out)) begin
      n_ky <= kernel_y;
      z_ky <= kernel_y == 8'd1;
    end else if (step & end_kx) begin
      n_ky <= n_ky - 8'd1;
      z_ky <= n_ky == 8'd2;
    end
    if (start | (step & end_x)) begin
      n_x <= sets;
      z_x <= sets == 16'd1;
    end else if (step & end_out) begin
      n_x <= n_x - 16'd1;
      z_x <= n_x == 16'd2;
    end
    if (start | (step & end_y)) begin
      n_y <= rows;
      z_y <= rows == 16'd1;
    end else if (step & end_x) begin
      n_y <= n_y - 16'd1;
      z_y <= n_y == 16'd2;
    end
  end

  // the state after an output, and its begin
  wire [1:0] begun = add ? ADDEND : TAP;
  wire all = end_y & z_o;
  always @(posedge clk) begin
    if (rst) state <= IDLE;
    else if (start) state <= begun;
    else
      case (state)
        ADDEND: state <= TAP;
        TAP:
        if (step & end_out) begin
          if (left != 4'd0) state <= WAIT;
          else state <= all ? IDLE : begun;
        end
        WAIT: if (left == 4'd0) state <= over ? IDLE : begun;
        default: ;
      endcase
    if (step) fresh <= end_out;
    if (start) fresh <= 1'b1;
    if (step) over <= all;
    if (start | (left == 4'd0 & (state == WAIT | (step & end_out)))) left <= least;
    else if (left != 4'd0) left <= left - 4'd1;
  end
endmodule
