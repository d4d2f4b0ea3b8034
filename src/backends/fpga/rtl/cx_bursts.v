`timescale 1ns/1ps
`default_nettype none

// Requests for planes x rows x beats of memory, each row cut into bursts. A request stands until it is taken; no new one comes while
// `allow` is 0.
module cx_bursts (
    input wire clk,
    input wire rst,
    input wire start,
    input wire [31:0] memory,
    input wire [31:0] memory_row,
    input wire [31:0] memory_plane,
    input wire [15:0] planes,
    input wire [15:0] rows,
    input wire [15:0] beats,
    input wire [15:0] burst,
    input wire allow,
    output reg rq_valid,
    input wire rq_ready,
    output wire [31:0] rq_addr,
    output wire [6:0] rq_beats
);
  reg [31:0] plane, row, address;
  reg [15:0] left_planes, left_rows, left;
  reg on;
  wire whole = left <= burst;
  wire next_row = whole & left_rows != 16'd1;
  wire next_plane = whole & left_rows == 16'd1 & left_planes != 16'd1;
  wire [31:0] from = whole ? (next_row ? row : plane) : address;
  wire [31:0] by = whole ? (next_row ? memory_row : memory_plane) : {12'd0, burst, 4'd0};
  wire [31:0] next = from + by;
  wire taken = rq_valid & rq_ready;

  assign rq_addr = address;
  assign rq_beats = whole ? left[6:0] : burst[6:0];

  always @(posedge clk) begin
    if (rst) begin
      on <= 1'b0;
      rq_valid <= 1'b0;
    end else begin
      if (start) on <= 1'b1;
      else if (taken & whole & !next_row & !next_plane) on <= 1'b0;
      // allow is looked at in a cycle without a request, when all requests before are counted
      rq_valid <= rq_valid ? !rq_ready : on & allow;
    end
    if (start) begin
      plane <= memory;
      row <= memory;
      address <= memory;
      left_planes <= planes;
      left_rows <= rows;
      left <= beats;
    end else if (taken) begin
      address <= next;
      if (whole) begin
        row <= next;
        left <= beats;
        left_rows <= next_row ? left_rows - 16'd1 : rows;
      end else left <= left - burst;
      if (next_plane) begin
        plane <= next;
        left_planes <= left_planes - 16'd1;
      end
    end
  end
endmodule
