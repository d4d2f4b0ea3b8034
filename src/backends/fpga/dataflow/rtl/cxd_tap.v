`timescale 1ns/1ps
`default_nettype none
// For simulation: writes the words that pass into a file.
module cxd_tap #(
    parameter W = 8,
    parameter FILE = "tap.txt"
) (
    input wire clk,
    input wire move,
    input wire [W-1:0] data
);
  integer file;
  initial file = $fopen(FILE, "w");
  always @(posedge clk) if (move) $fdisplay(file, "%h", data);
endmodule
