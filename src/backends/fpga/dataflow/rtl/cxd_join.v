`timescale 1ns/1ps
`default_nettype none
// N words of W bits become one word, the first one lowest.
module cxd_join #(
    parameter W = 8,
    parameter N = 2
) (
    input wire clk,
    input wire rst,
    input wire in_valid,
    output wire in_ready,
    input wire [W-1:0] in_data,
    output wire out_valid,
    input wire out_ready,
    output wire [W*N-1:0] out_data
);
  localparam C = $clog2(N + 1);
  localparam integer ALL_I = N;
  localparam [C-1:0] ALL = ALL_I[C-1:0];

  reg [W*N-1:0] words;
  reg [C-1:0] count;
  wire push = in_valid && in_ready;

  assign out_valid = count == ALL;
  assign out_data = words;
  assign in_ready = !out_valid || out_ready;

  always @(posedge clk) begin
    if (push) words <= {in_data, words[W*N-1:W]};
    if (rst) count <= 0;
    else if (out_valid && out_ready) count <= {{(C - 1) {1'b0}}, push};
    else if (push) count <= count + 1'b1;
  end
endmodule
