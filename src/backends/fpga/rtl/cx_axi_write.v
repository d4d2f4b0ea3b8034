// Writes of all clients on one AXI4 write port: client 0 first. A request is cut into bursts as reads are; its last answer ends it.
// In drain a burst that has begun is completed with all strobes 0.
`timescale 1ns/1ps
`default_nettype none
`include "cx_registers.vh"

module cx_axi_write (
    input  wire                   clk,
    input  wire                   rst,
    input  wire                   drain,
    output wire                   idle,
    // address of the image / 4096
    input  wire [51:0]            base,
    input  wire [31:0]            limit,

    input  wire [1:0]             wq_valid,
    output reg  [1:0]             wq_ready,
    input  wire [63:0]            wq_addr,
    input  wire [15:0]            wq_len,
    input  wire [1:0]             wd_valid,
    output reg  [1:0]             wd_ready,
    input  wire [255:0]           wd_data,
    input  wire [31:0]            wd_strb,
    output reg  [1:0]             wr_done,

    output reg                    err_valid,
    output reg  [7:0]             err_code,
    output reg  [31:0]            err_info,

    output reg                    m_axi_awvalid,
    input  wire                   m_axi_awready,
    output reg  [63:0]            m_axi_awaddr,
    output reg  [7:0]             m_axi_awlen,
    output reg                    m_axi_wvalid,
    input  wire                   m_axi_wready,
    output reg  [127:0]           m_axi_wdata,
    output reg  [15:0]            m_axi_wstrb,
    output reg                    m_axi_wlast,
    input  wire                   m_axi_bvalid,
    output wire                   m_axi_bready,
    input  wire [1:0]             m_axi_bresp
);
    localparam CLIENTS = 2;
    localparam DEPTH = 4;
    localparam [1:0] REQUEST = 2'd0, ADDRESS = 2'd1, DATA = 2'd2;

    reg [1:0]  state;
    reg        client;
    reg [27:0] beat;
    // beats of the request, and of the burst, that are still to come
    reg [8:0]  left;
    reg [6:0]  burst;

    // bursts without an answer, in order
    reg [29:0] queue [0:DEPTH-1];
    reg [1:0]  first;
    reg [1:0]  next;
    reg [2:0]  count;

    reg       chosen;
    integer   c;
    always @* begin
        chosen = 1'b0;
        for (c = CLIENTS - 1; c >= 0; c = c - 1)
            if (wq_valid[c]) chosen = c[0];
        wq_ready = 2'b00;
        if (state == REQUEST && !drain) wq_ready[chosen] = wq_valid != 2'b00;
    end

    wire [31:0] chosen_addr = wq_addr[32*chosen +: 32];
    wire [7:0]  chosen_len = wq_len[8*chosen +: 8];
    wire [32:0] beyond = {1'b0, chosen_addr} + {21'd0, chosen_len, 4'd0} + 33'd16;

    wire [8:0]  page = 9'd256 - {1'b0, beat[7:0]};
    wire [8:0]  fitting = page < 9'd64 ? page : 9'd64;
    wire        finishing = left <= fitting;
    wire [8:0]  size = finishing ? left : fitting;
    wire [7:0]  size_less_1 = size[7:0] - 8'd1;
    wire [51:0] page_address = base + {32'd0, beat[27:8]};
    wire        launch = state == ADDRESS && !drain && count != DEPTH[2:0] && (!m_axi_awvalid || m_axi_awready);

    wire room = !m_axi_wvalid || m_axi_wready;
    wire moving = state == DATA && room && (drain || wd_valid[client]);
    always @* begin
        wd_ready = 2'b00;
        if (state == DATA && room && !drain) wd_ready[client] = 1'b1;
    end

    wire [29:0] head = queue[first];
    assign m_axi_bready = 1'b1;
    wire broken = m_axi_bresp != 2'd0;
    always @* begin
        wr_done = 2'b00;
        if (m_axi_bvalid && head[29]) wr_done[head[28]] = 1'b1;
    end
    assign idle = state == REQUEST && !m_axi_awvalid && !m_axi_wvalid && count == 3'd0;

    always @(posedge clk) begin
        err_valid <= 1'b0;
        if (m_axi_awready) m_axi_awvalid <= 1'b0;
        if (m_axi_wready) m_axi_wvalid <= 1'b0;
        case (state)
            REQUEST:
                if (wq_valid != 2'b00 && !drain) begin
                    client <= chosen;
                    beat <= chosen_addr[31:4];
                    left <= {1'b0, chosen_len} + 9'd1;
                    if (beyond > {1'b0, limit}) begin
                        err_valid <= 1'b1;
                        err_code <= `CX_ERR_ADDRESS_RANGE;
                        err_info <= chosen_addr;
                    end else begin
                        state <= ADDRESS;
                    end
                end
            ADDRESS:
                if (drain) begin
                    state <= REQUEST;
                end else if (launch) begin
                    m_axi_awvalid <= 1'b1;
                    m_axi_awaddr <= {page_address, beat[7:0], 4'd0};
                    m_axi_awlen <= size_less_1;
                    queue[next] <= {finishing, client, beat};
                    next <= next + 2'd1;
                    burst <= size[6:0];
                    left <= left - size;
                    beat <= beat + {19'd0, size};
                    state <= DATA;
                end
            default:
                if (moving) begin
                    m_axi_wvalid <= 1'b1;
                    m_axi_wdata <= wd_data[128*client +: 128];
                    m_axi_wstrb <= drain ? 16'd0 : wd_strb[16*client +: 16];
                    m_axi_wlast <= burst == 7'd1;
                    burst <= burst - 7'd1;
                    if (burst == 7'd1) state <= left == 9'd0 || drain ? REQUEST : ADDRESS;
                end
        endcase
        if (m_axi_bvalid) first <= first + 2'd1;
        if (launch && !m_axi_bvalid) count <= count + 3'd1;
        if (!launch && m_axi_bvalid) count <= count - 3'd1;
        if (m_axi_bvalid && broken) begin
            err_valid <= 1'b1;
            err_code <= `CX_ERR_BUS_WRITE;
            err_info <= {head[27:0], 4'd0};
        end
        if (drain) err_valid <= 1'b0;
        if (rst) begin
            state <= REQUEST;
            first <= 2'd0;
            next <= 2'd0;
            count <= 3'd0;
            m_axi_awvalid <= 1'b0;
            m_axi_wvalid <= 1'b0;
            err_valid <= 1'b0;
        end
    end
endmodule

`default_nettype wire
