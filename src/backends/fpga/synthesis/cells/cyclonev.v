// Cells that yosys maps a design for Cyclone V to, for simulation of its netlists: what they compute, without delays, after the
// descriptions of the cells. M10K has no model in yosys that a simulator takes.
`timescale 1ns/1ps
`default_nettype none

module MISTRAL_NOT (input wire A, output wire Q);
  assign Q = ~A;
endmodule

module MISTRAL_ALUT2 #(parameter [3:0] LUT = 4'd0) (input wire A, B, output wire Q);
  assign Q = LUT[{B, A}];
endmodule

module MISTRAL_ALUT3 #(parameter [7:0] LUT = 8'd0) (input wire A, B, C, output wire Q);
  assign Q = LUT[{C, B, A}];
endmodule

module MISTRAL_ALUT4 #(parameter [15:0] LUT = 16'd0) (input wire A, B, C, D, output wire Q);
  assign Q = LUT[{D, C, B, A}];
endmodule

module MISTRAL_ALUT5 #(parameter [31:0] LUT = 32'd0) (input wire A, B, C, D, E, output wire Q);
  assign Q = LUT[{E, D, C, B, A}];
endmodule

module MISTRAL_ALUT6 #(parameter [63:0] LUT = 64'd0) (input wire A, B, C, D, E, F, output wire Q);
  assign Q = LUT[{F, E, D, C, B, A}];
endmodule

module MISTRAL_ALUT_ARITH #(
    parameter [15:0] LUT0 = 16'd0,
    parameter [15:0] LUT1 = 16'd0
) (
    input wire A, B, C, D0, D1, CI,
    output wire SO, CO
);
  wire a = LUT0[{D0, C, B, A}];
  wire b = ~LUT1[{D1, C, B, A}];
  assign SO = a ^ b ^ CI;
  assign CO = (a & b) | (a & CI) | (b & CI);
endmodule

module MISTRAL_FF (input wire DATAIN, CLK, ACLR, ENA, SCLR, SLOAD, SDATA, output reg Q);
  initial Q = 1'b0;
  always @(posedge CLK) if (ENA) Q <= SCLR ? 1'b0 : SLOAD ? SDATA : DATAIN;
  // ACLR is tied to 1: all resets of the core are synchronous
  wire unused = ACLR;
endmodule

module MISTRAL_MUL9X9 #(parameter A_SIGNED = 1, parameter B_SIGNED = 1) (input wire [8:0] A, B, output wire [17:0] Y);
  wire signed [17:0] a = {{9{A_SIGNED != 0 && A[8]}}, A};
  wire signed [17:0] b = {{9{B_SIGNED != 0 && B[8]}}, B};
  assign Y = a * b;
endmodule

module MISTRAL_MUL18X18 #(parameter A_SIGNED = 1, parameter B_SIGNED = 1) (input wire [17:0] A, B, output wire [35:0] Y);
  wire signed [35:0] a = {{18{A_SIGNED != 0 && A[17]}}, A};
  wire signed [35:0] b = {{18{B_SIGNED != 0 && B[17]}}, B};
  assign Y = a * b;
endmodule

module MISTRAL_MUL27X27 #(parameter A_SIGNED = 1, parameter B_SIGNED = 1) (input wire [26:0] A, B, output wire [53:0] Y);
  wire signed [53:0] a = {{27{A_SIGNED != 0 && A[26]}}, A};
  wire signed [53:0] b = {{27{B_SIGNED != 0 && B[26]}}, B};
  assign Y = a * b;
endmodule

// 32 words of a bit; reads are asynchronous.
module MISTRAL_MLAB (input wire [4:0] A1ADDR, input wire A1DATA, A1EN, CLK1, input wire [4:0] B1ADDR, output wire B1DATA);
  reg [31:0] mem = 32'd0;
  always @(posedge CLK1) if (A1EN) mem[A1ADDR] <= A1DATA;
  assign B1DATA = mem[B1ADDR];
endmodule

// Writes where A1EN is 0; a read of the word that is written gives the old one.
module MISTRAL_M10K #(
    parameter CFG_ABITS = 10,
    parameter CFG_DBITS = 10
) (
    input wire CLK1,
    input wire [CFG_ABITS-1:0] A1ADDR,
    input wire [CFG_DBITS-1:0] A1DATA,
    input wire A1EN,
    input wire [CFG_ABITS-1:0] B1ADDR,
    output reg [CFG_DBITS-1:0] B1DATA,
    input wire B1EN
);
  reg [CFG_DBITS-1:0] mem[0:(1<<CFG_ABITS)-1];
  always @(posedge CLK1) begin
    if (!A1EN) mem[A1ADDR] <= A1DATA;
    if (B1EN) B1DATA <= mem[B1ADDR];
  end
endmodule

`default_nettype wire
