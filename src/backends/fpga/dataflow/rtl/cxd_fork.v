`timescale 1ns/1ps
`default_nettype none
// A stream for N readers. Each reader takes a word when it can; the word goes when all have it.
module cxd_fork #(
    parameter N = 2
) (
    input wire clk,
    input wire rst,
    input wire in_valid,
    output wire in_ready,
    output wire [N-1:0] out_valid,
    input wire [N-1:0] out_ready
);
  reg [N-1:0] taken;
  wire [N-1:0] now = taken | out_ready;

  assign out_valid = {N{in_valid}} & ~taken;
  assign in_ready = &now;

  always @(posedge clk) begin
    if (rst || (in_valid && in_ready)) taken <= 0;
    else if (in_valid) taken <= now;
  end
endmodule
