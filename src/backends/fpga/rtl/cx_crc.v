// CRC-32 (IEEE 802.3, reflected, as in zlib) of beats of 16 bytes, one a cycle.
`timescale 1ns/1ps
`default_nettype none

module cx_crc (
    input  wire         clk,
    input  wire         clear,
    input  wire         valid,
    input  wire [127:0] data,
    output wire [31:0]  crc
);
    reg [31:0] state;

    function [31:0] advance;
        input [31:0]  from;
        input [127:0] beat;
        integer       i;
        reg [31:0]    c;
        begin
            c = from;
            for (i = 0; i < 128; i = i + 1)
                c = {1'b0, c[31:1]} ^ ((c[0] ^ beat[i]) ? 32'hedb88320 : 32'h0);
            advance = c;
        end
    endfunction

    always @(posedge clk) begin
        if (clear) state <= 32'hffffffff;
        else if (valid) state <= advance(state, data);
    end

    assign crc = ~state;
endmodule

`default_nettype wire
