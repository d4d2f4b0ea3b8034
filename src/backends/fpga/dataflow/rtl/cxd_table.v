`timescale 1ns/1ps
`default_nettype none
// P values of 8 bits through a table of 256 entries of EW bits, or one of CF x P tables by channel.
module cxd_table #(
    parameter P = 1,
    parameter CF = 1,
    parameter EW = 8,
    parameter BY_CHANNEL = 0,
    parameter FILE = ""
) (
    input wire clk,
    input wire rst,
    input wire in_valid,
    output wire in_ready,
    input wire [8*P-1:0] in_data,
    output reg out_valid,
    input wire out_ready,
    output wire [EW*P-1:0] out_data
);
  localparam T = BY_CHANNEL != 0 ? CF * P : 1;
  localparam A = 8 + $clog2(T);
  localparam C = (CF > 1) ? $clog2(CF) : 1;
  localparam integer LAST_I = CF - 1;
  localparam [C-1:0] LAST = LAST_I[C-1:0];
  wire push = in_valid && in_ready;

  assign in_ready = !out_valid || out_ready;

  reg [C-1:0] word;
  always @(posedge clk) begin
    if (rst) begin
      out_valid <= 1'b0;
      word <= 0;
    end else begin
      if (in_ready) out_valid <= in_valid;
      if (push) word <= word == LAST ? 0 : word + 1'b1;
    end
  end

  genvar p;
  generate
    for (p = 0; p < P; p = p + 1) begin : lane
      wire [A-1:0] address;
      if (A == 8) begin : shared
        assign address = in_data[8*p+:8];
      end else begin : own
        wire [31:0] channel = {{(32 - C) {1'b0}}, word} * P + p;
        wire unused = &{1'b0, channel};
        assign address = {channel[A-9:0], in_data[8*p+:8]};
      end
      cxd_rom #(
          .W(EW),
          .DEPTH(256 * T),
          .FILE(FILE)
      ) rom (
          .clk(clk),
          .re(push),
          .addr(address),
          .q(out_data[EW*p+:EW])
      );
    end
  endgenerate
endmodule
