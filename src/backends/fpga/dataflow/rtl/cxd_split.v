`timescale 1ns/1ps
`default_nettype none
// A word becomes N words of W bits, the lowest one first.
module cxd_split #(
    parameter W = 8,
    parameter N = 2
) (
    input wire clk,
    input wire rst,
    input wire in_valid,
    output wire in_ready,
    input wire [W*N-1:0] in_data,
    output wire out_valid,
    input wire out_ready,
    output wire [W-1:0] out_data
);
  localparam C = $clog2(N + 1);
  localparam integer ALL_I = N;
  localparam [C-1:0] ALL = ALL_I[C-1:0];
  localparam [C-1:0] ONE = 1;

  reg [W*N-1:0] words;
  reg [C-1:0] count;
  wire pop = out_valid && out_ready;
  wire push = in_valid && in_ready;

  assign out_valid = count != 0;
  assign out_data = words[W-1:0];
  assign in_ready = count == 0 || (count == ONE && out_ready);

  always @(posedge clk) begin
    if (push) words <= in_data;
    else if (pop) words <= {{W{1'b0}}, words[W*N-1:W]};
    if (rst) count <= 0;
    else if (push) count <= ALL;
    else if (pop) count <= count - 1'b1;
  end
endmodule
