`timescale 1ns/1ps
`default_nettype none
// Queue with valid and ready at both ends. It holds DEPTH words in memory and one in the output register; a word passes in two cycles.
module cxd_fifo #(
    parameter W = 8,
    parameter DEPTH = 4,
    parameter A = (DEPTH > 1) ? $clog2(DEPTH) : 1
) (
    input wire clk,
    input wire rst,
    input wire in_valid,
    output wire in_ready,
    input wire [W-1:0] in_data,
    output reg out_valid,
    input wire out_ready,
    output wire [W-1:0] out_data
);
  localparam integer LAST_I = DEPTH - 1;
  localparam [A-1:0] LAST = LAST_I[A-1:0];
  localparam integer FULL_I = DEPTH;
  localparam [A:0] FULL = FULL_I[A:0];

  reg [A-1:0] write, read;
  reg [A:0] count;
  wire push = in_valid && in_ready;
  wire next = count != 0 && (!out_valid || out_ready);

  assign in_ready = count != FULL;

  cxd_ram #(
      .W(W),
      .DEPTH(DEPTH)
  ) words (
      .clk(clk),
      .we(push),
      .waddr(write),
      .wdata(in_data),
      .re(next),
      .raddr(read),
      .rdata(out_data)
  );

  always @(posedge clk) begin
    if (rst) begin
      write <= 0;
      read <= 0;
      count <= 0;
      out_valid <= 1'b0;
    end else begin
      if (push) write <= write == LAST ? 0 : write + 1'b1;
      if (next) read <= read == LAST ? 0 : read + 1'b1;
      count <= count + {{A{1'b0}}, push} - {{A{1'b0}}, next};
      out_valid <= next || (out_valid && !out_ready);
    end
  end
endmodule
