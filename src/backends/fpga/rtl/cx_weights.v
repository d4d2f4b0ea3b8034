`timescale 1ns/1ps
`default_nettype none

// Weights of one output lane: an entry has 16 values of WW bits, written whole (row) or one value of them (transposed loads). COLUMNS = 1
// makes a memory of each value, for families whose block RAM has no write enables by byte; the content is the same.
module cx_weights #(
    parameter WW = 8,
    parameter ENTRIES = 512,
    parameter A = 9,
    parameter COLUMNS = 0
) (
    input wire clk,
    input wire [15:0] we,  // by value
    input wire [A-1:0] wa,
    input wire [16*WW-1:0] wd,
    input wire re,
    input wire [A-1:0] ra,
    output wire [16*WW-1:0] rd
);
  genvar i;
  generate
    if (COLUMNS == 0) begin : whole
      reg [16*WW-1:0] mem[0:ENTRIES-1];
      reg [16*WW-1:0] q;
      integer k;
      always @(posedge clk) begin
        if (we != 16'd0)
          for (k = 0; k < 16; k = k + 1) if (we[k]) mem[wa][k*WW+:WW] <= wd[k*WW+:WW];
        if (re) q <= mem[ra];
      end
      assign rd = q;
    end else
      for (i = 0; i < 16; i = i + 1) begin : column
        cx_bank #(.W(WW), .ENTRIES(ENTRIES), .A(A)) bank (
            .clk(clk), .we(we[i]), .wa(wa), .wd(wd[i*WW+:WW]), .re(re), .ra(ra), .rd(rd[i*WW+:WW]));
      end
  endgenerate
endmodule
