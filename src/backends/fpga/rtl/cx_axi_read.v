// Reads of all clients on one AXI4 read port: client 0 first. Requests are cut into bursts of at most 64 beats that do not cross
// 4 KiB; the client of highest priority is asked again before each burst. One transaction id, so answers come in order.
`timescale 1ns/1ps
`default_nettype none
`include "cx_registers.vh"

module cx_axi_read #(
    parameter CLIENTS = 5,
    // a bit for each client: it may have two bursts on the bus
    parameter [CLIENTS-1:0] TWO = 5'b10001
) (
    input  wire                  clk,
    input  wire                  rst,
    input  wire                  drain,
    output wire                  idle,
    // address of the image / 4096
    input  wire [51:0]           base,
    input  wire [31:0]           limit,

    input  wire [CLIENTS-1:0]    rq_valid,
    output wire [CLIENTS-1:0]    rq_ready,
    input  wire [CLIENTS*32-1:0] rq_addr,
    input  wire [CLIENTS*8-1:0]  rq_len,
    output reg  [CLIENTS-1:0]    rd_valid,
    output wire [127:0]          rd_data,
    output wire                  rd_last,

    output reg                   err_valid,
    output reg  [7:0]            err_code,
    output reg  [31:0]           err_info,

    output reg                   m_axi_arvalid,
    input  wire                  m_axi_arready,
    output reg  [63:0]           m_axi_araddr,
    output reg  [7:0]            m_axi_arlen,
    input  wire                  m_axi_rvalid,
    output wire                  m_axi_rready,
    input  wire [127:0]          m_axi_rdata,
    input  wire [1:0]            m_axi_rresp,
    input  wire                  m_axi_rlast
);
    localparam DEPTH = 8;

    // what is left of each client's request, in beats
    reg [CLIENTS-1:0] open;
    reg [27:0]        beat [0:CLIENTS-1];
    reg [8:0]         left [0:CLIENTS-1];
    // bursts on the bus: one or more, two
    reg [CLIENTS-1:0] some;
    reg [CLIENTS-1:0] both;

    // bursts on the bus, in order
    reg [31:0] queue [0:DEPTH-1];
    reg [2:0]  first;
    reg [2:0]  next;
    reg [3:0]  count;

    assign rq_ready = drain ? {CLIENTS{1'b0}} : ~open;
    wire [CLIENTS-1:0] accepted = rq_valid & rq_ready;

    wire [CLIENTS-1:0] willing = open & ~(TWO & both) & ~(~TWO & some);
    reg [2:0] chosen;
    integer c;
    always @* begin
        chosen = 3'd0;
        for (c = CLIENTS - 1; c >= 0; c = c - 1)
            if (willing[c]) chosen = c[2:0];
    end

    wire        launch = willing != {CLIENTS{1'b0}} && !drain && count != DEPTH[3:0] && (!m_axi_arvalid || m_axi_arready);
    wire [27:0] from = beat[chosen];
    wire [8:0]  wanted = left[chosen];
    wire [8:0]  page = 9'd256 - {1'b0, from[7:0]};
    wire [8:0]  fitting = page < 9'd64 ? page : 9'd64;
    wire        finishing = wanted <= fitting;
    wire [8:0]  size = finishing ? wanted : fitting;
    wire [8:0]  after = wanted - size;
    wire [7:0]  size_less_1 = size[7:0] - 8'd1;
    wire [51:0] page_address = base + {32'd0, from[27:8]};

    wire [31:0] head = queue[first];
    wire [2:0]  owner = head[30:28];
    wire        pop = m_axi_rvalid && m_axi_rlast;

    assign m_axi_rready = 1'b1;
    assign rd_data = m_axi_rdata;
    assign rd_last = m_axi_rlast && head[31];
    wire broken = m_axi_rresp != 2'd0;
    always @* begin
        rd_valid = {CLIENTS{1'b0}};
        if (m_axi_rvalid) rd_valid[owner] = 1'b1;
    end
    assign idle = open == {CLIENTS{1'b0}} && !m_axi_arvalid && count == 4'd0;

    function outside;
        input [31:0] addr;
        input [7:0]  len;
        input [31:0] bytes;
        outside = {1'b0, addr} + {21'd0, len, 4'd0} + 33'd16 > {1'b0, bytes};
    endfunction

    integer a;
    always @(posedge clk) begin
        err_valid <= 1'b0;
        if (m_axi_arready) m_axi_arvalid <= 1'b0;
        if (accepted != {CLIENTS{1'b0}}) begin
            for (a = 0; a < CLIENTS; a = a + 1) begin
                if (accepted[a]) begin
                    if (outside(rq_addr[32*a +: 32], rq_len[8*a +: 8], limit)) begin
                        err_valid <= 1'b1;
                        err_code <= `CX_ERR_ADDRESS_RANGE;
                        err_info <= rq_addr[32*a +: 32];
                    end else begin
                        open[a] <= 1'b1;
                        beat[a] <= rq_addr[32*a+4 +: 28];
                        left[a] <= {1'b0, rq_len[8*a +: 8]} + 9'd1;
                    end
                end
            end
        end
        if (launch) begin
            m_axi_arvalid <= 1'b1;
            m_axi_araddr <= {page_address, from[7:0], 4'd0};
            m_axi_arlen <= size_less_1;
            queue[next] <= {finishing, chosen, from};
            next <= next + 3'd1;
            beat[chosen] <= from + {19'd0, size};
            left[chosen] <= after;
            if (finishing) open[chosen] <= 1'b0;
        end
        if (pop) first <= first + 3'd1;
        if (launch && !pop) count <= count + 4'd1;
        if (!launch && pop) count <= count - 4'd1;
        if (launch && !(pop && owner == chosen)) begin
            some[chosen] <= 1'b1;
            both[chosen] <= some[chosen];
        end
        if (pop && !(launch && owner == chosen)) begin
            some[owner] <= both[owner];
            both[owner] <= 1'b0;
        end
        if (m_axi_rvalid && broken) begin
            err_valid <= 1'b1;
            err_code <= `CX_ERR_BUS_READ;
            err_info <= {head[27:0], 4'd0};
        end
        if (drain) begin
            open <= {CLIENTS{1'b0}};
            err_valid <= 1'b0;
        end
        if (rst) begin
            open <= {CLIENTS{1'b0}};
            first <= 3'd0;
            next <= 3'd0;
            count <= 4'd0;
            m_axi_arvalid <= 1'b0;
            err_valid <= 1'b0;
            some <= {CLIENTS{1'b0}};
            both <= {CLIENTS{1'b0}};
        end
    end
endmodule

`default_nettype wire
