`timescale 1ns/1ps
`default_nettype none

// Queue of 2^LOG entries; head is valid while not empty. A push when full, or a pop when empty, is a fault of the user.
module cx_fifo #(
    parameter W = 8,
    parameter LOG = 2
) (
    input wire clk,
    input wire rst,
    input wire push,
    input wire [W-1:0] in,
    input wire pop,
    output wire [W-1:0] head,
    output wire empty,
    output wire full
);
  reg [W-1:0] mem[0:(1<<LOG)-1];
  reg [LOG:0] write, read;

  assign head  = mem[read[LOG-1:0]];
  assign empty = write == read;
  assign full  = write == {~read[LOG], read[LOG-1:0]};

  always @(posedge clk) begin
    if (push) mem[write[LOG-1:0]] <= in;
    if (rst) begin
      write <= 0;
      read  <= 0;
    end else begin
      if (push) write <= write + 1'b1;
      if (pop) read <= read + 1'b1;
    end
  end
endmodule
