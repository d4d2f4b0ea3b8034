`timescale 1ns/1ps
`default_nettype none

// Activations: four banks, so that the compute unit reads and writes while a load writes and a store reads. The bank is a hash of the
// address, so that no regular stride stays in one. The compute unit always gets its bank; load and store wait for theirs.
module cx_scratch #(
    parameter BEATS = 8192
) (
    input wire clk,
    input wire cr_en,
    input wire [15:0] cr_addr,
    output wire [127:0] cr_data,  // a cycle later
    input wire cw_en,
    input wire [15:0] cw_addr,
    input wire [127:0] cw_data,
    input wire lw_en,
    output wire lw_ready,
    input wire [15:0] lw_addr,
    input wire [127:0] lw_data,
    input wire sr_en,
    output wire sr_ready,
    input wire [15:0] sr_addr,
    output wire [127:0] sr_data
);
  localparam ROWS = BEATS / 4;
  localparam A = $clog2(ROWS);

  function [1:0] hash;
    input [15:0] a;
    hash = a[1:0] ^ a[3:2] ^ a[5:4] ^ a[7:6] ^ a[9:8] ^ a[11:10] ^ a[13:12] ^ a[15:14];
  endfunction

  wire [1:0] cr_bank = hash(cr_addr);
  wire [1:0] cw_bank = hash(cw_addr);
  wire [1:0] lw_bank = hash(lw_addr);
  wire [1:0] sr_bank = hash(sr_addr);
  assign lw_ready = !cw_en | cw_bank != lw_bank;
  assign sr_ready = !cr_en | cr_bank != sr_bank;

  wire [127:0] q0, q1, q2, q3;
  reg [1:0] cr_from, sr_from;
  always @(posedge clk) begin
    if (cr_en) cr_from <= cr_bank;
    if (sr_en & sr_ready) sr_from <= sr_bank;
  end
  assign cr_data = cr_from[1] ? (cr_from[0] ? q3 : q2) : (cr_from[0] ? q1 : q0);
  assign sr_data = sr_from[1] ? (sr_from[0] ? q3 : q2) : (sr_from[0] ? q1 : q0);

  // the address of a bank's port: the compute unit's where it uses the bank
  wire [3:0] cr_to = cr_en ? 4'd1 << cr_bank : 4'd0;
  wire [3:0] sr_to = sr_en ? 4'd1 << sr_bank : 4'd0;
  wire [3:0] cw_to = cw_en ? 4'd1 << cw_bank : 4'd0;
  wire [3:0] lw_to = lw_en ? 4'd1 << lw_bank : 4'd0;
  wire [A-1:0] cr_row = cr_addr[A+1:2];
  wire [A-1:0] sr_row = sr_addr[A+1:2];
  wire [A-1:0] cw_row = cw_addr[A+1:2];
  wire [A-1:0] lw_row = lw_addr[A+1:2];

  cx_bank #(.W(128), .ENTRIES(ROWS), .A(A)) bank0 (
      .clk(clk), .we(cw_to[0] | lw_to[0]), .wa(cw_to[0] ? cw_row : lw_row), .wd(cw_to[0] ? cw_data : lw_data),
      .re(cr_to[0] | sr_to[0]), .ra(cr_to[0] ? cr_row : sr_row), .rd(q0));
  cx_bank #(.W(128), .ENTRIES(ROWS), .A(A)) bank1 (
      .clk(clk), .we(cw_to[1] | lw_to[1]), .wa(cw_to[1] ? cw_row : lw_row), .wd(cw_to[1] ? cw_data : lw_data),
      .re(cr_to[1] | sr_to[1]), .ra(cr_to[1] ? cr_row : sr_row), .rd(q1));
  cx_bank #(.W(128), .ENTRIES(ROWS), .A(A)) bank2 (
      .clk(clk), .we(cw_to[2] | lw_to[2]), .wa(cw_to[2] ? cw_row : lw_row), .wd(cw_to[2] ? cw_data : lw_data),
      .re(cr_to[2] | sr_to[2]), .ra(cr_to[2] ? cr_row : sr_row), .rd(q2));
  cx_bank #(.W(128), .ENTRIES(ROWS), .A(A)) bank3 (
      .clk(clk), .we(cw_to[3] | lw_to[3]), .wa(cw_to[3] ? cw_row : lw_row), .wd(cw_to[3] ? cw_data : lw_data),
      .re(cr_to[3] | sr_to[3]), .ra(cr_to[3] ? cr_row : sr_row), .rd(q3));
endmodule
