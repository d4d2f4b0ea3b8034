`timescale 1ns/1ps
`default_nettype none

// Addresses of three nested loops, the innermost with index 0. `start` takes the base, each `step` goes to the next. Counts are at least 1.
module cx_walk (
    input wire clk,
    input wire start,
    input wire step,
    input wire [15:0] base,
    input wire [15:0] stride_2,
    input wire [15:0] stride_1,
    input wire [15:0] stride_0,
    input wire [15:0] count_2,
    input wire [15:0] count_1,
    input wire [15:0] count_0,
    output wire [15:0] address,
    output wire inner,  // loop 0 is at its last index
    output wire outer,  // the next step goes to the next index of loop 2
    output wire last
);
  reg [15:0] a2, a1, a0, c2, c1, c0;
  reg z2, z1, z0;  // the loop is at its last index

  wire [15:0] from = z0 ? (z1 ? a2 : a1) : a0;
  wire [15:0] by = z0 ? (z1 ? stride_2 : stride_1) : stride_0;
  wire [15:0] next = from + by;

  assign address = a0;
  assign inner = z0;
  assign outer = z0 & z1;
  assign last = z0 & z1 & z2;

  always @(posedge clk) begin
    if (start) begin
      a2 <= base;
      a1 <= base;
      a0 <= base;
      c2 <= count_2;
      z2 <= count_2 == 16'd1;
    end else if (step) begin
      a0 <= next;
      if (z0) a1 <= next;
      if (z0 & z1) begin
        a2 <= next;
        c2 <= c2 - 16'd1;
        z2 <= c2 == 16'd2;
      end
    end
    if (start | (step & z0 & z1)) begin
      c1 <= count_1;
      z1 <= count_1 == 16'd1;
    end else if (step & z0) begin
      c1 <= c1 - 16'd1;
      z1 <= c1 == 16'd2;
    end
    if (start | (step & z0)) begin
      c0 <= count_0;
      z0 <= count_0 == 16'd1;
    end else if (step) begin
      c0 <= c0 - 16'd1;
      z0 <= c0 == 16'd2;
    end
  end
endmodule
