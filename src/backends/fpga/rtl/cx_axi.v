// The memory port of the core: clients of reads and of writes on one AXI4 master. Reads, by priority: 0 control, 1 instruction cache,
// 2 data cache, 3 array commands, 4 array loads. Writes: 0 data cache, 1 array stores.
`timescale 1ns/1ps
`default_nettype none

module cx_axi (
    input  wire         clk,
    input  wire         rst,
    // nothing new is begun, and what was begun is brought to its end
    input  wire         drain,
    output wire         idle,
    // address of the image / 4096
    input  wire [51:0]  base,
    input  wire [31:0]  limit,
    output wire         read_beat,
    output wire         write_beat,
    output wire         err_valid,
    output wire [7:0]   err_code,
    output wire [31:0]  err_info,

    input  wire [4:0]   rq_valid,
    output wire [4:0]   rq_ready,
    input  wire [159:0] rq_addr,
    input  wire [39:0]  rq_len,
    output wire [4:0]   rd_valid,
    output wire [127:0] rd_data,
    output wire         rd_last,

    input  wire [1:0]   wq_valid,
    output wire [1:0]   wq_ready,
    input  wire [63:0]  wq_addr,
    input  wire [15:0]  wq_len,
    input  wire [1:0]   wd_valid,
    output wire [1:0]   wd_ready,
    input  wire [255:0] wd_data,
    input  wire [31:0]  wd_strb,
    output wire [1:0]   wr_done,

    output wire         m_axi_arvalid,
    input  wire         m_axi_arready,
    output wire [63:0]  m_axi_araddr,
    output wire [7:0]   m_axi_arlen,
    input  wire         m_axi_rvalid,
    output wire         m_axi_rready,
    input  wire [127:0] m_axi_rdata,
    input  wire [1:0]   m_axi_rresp,
    input  wire         m_axi_rlast,
    output wire         m_axi_awvalid,
    input  wire         m_axi_awready,
    output wire [63:0]  m_axi_awaddr,
    output wire [7:0]   m_axi_awlen,
    output wire         m_axi_wvalid,
    input  wire         m_axi_wready,
    output wire [127:0] m_axi_wdata,
    output wire [15:0]  m_axi_wstrb,
    output wire         m_axi_wlast,
    input  wire         m_axi_bvalid,
    output wire         m_axi_bready,
    input  wire [1:0]   m_axi_bresp
);
    wire        read_idle, write_idle, read_err, write_err;
    wire [7:0]  read_code, write_code;
    wire [31:0] read_info, write_info;

    assign idle = read_idle && write_idle;
    assign read_beat = m_axi_rvalid && m_axi_rready;
    assign write_beat = m_axi_wvalid && m_axi_wready;
    assign err_valid = read_err || write_err;
    assign err_code = read_err ? read_code : write_code;
    assign err_info = read_err ? read_info : write_info;

    cx_axi_read reads (
        .clk(clk), .rst(rst), .drain(drain), .idle(read_idle), .base(base), .limit(limit),
        .rq_valid(rq_valid), .rq_ready(rq_ready), .rq_addr(rq_addr), .rq_len(rq_len),
        .rd_valid(rd_valid), .rd_data(rd_data), .rd_last(rd_last),
        .err_valid(read_err), .err_code(read_code), .err_info(read_info),
        .m_axi_arvalid(m_axi_arvalid), .m_axi_arready(m_axi_arready), .m_axi_araddr(m_axi_araddr), .m_axi_arlen(m_axi_arlen),
        .m_axi_rvalid(m_axi_rvalid), .m_axi_rready(m_axi_rready), .m_axi_rdata(m_axi_rdata), .m_axi_rresp(m_axi_rresp),
        .m_axi_rlast(m_axi_rlast)
    );

    cx_axi_write writes (
        .clk(clk), .rst(rst), .drain(drain), .idle(write_idle), .base(base), .limit(limit),
        .wq_valid(wq_valid), .wq_ready(wq_ready), .wq_addr(wq_addr), .wq_len(wq_len),
        .wd_valid(wd_valid), .wd_ready(wd_ready), .wd_data(wd_data), .wd_strb(wd_strb),
        .wr_done(wr_done),
        .err_valid(write_err), .err_code(write_code), .err_info(write_info),
        .m_axi_awvalid(m_axi_awvalid), .m_axi_awready(m_axi_awready), .m_axi_awaddr(m_axi_awaddr), .m_axi_awlen(m_axi_awlen),
        .m_axi_wvalid(m_axi_wvalid), .m_axi_wready(m_axi_wready), .m_axi_wdata(m_axi_wdata), .m_axi_wstrb(m_axi_wstrb),
        .m_axi_wlast(m_axi_wlast), .m_axi_bvalid(m_axi_bvalid), .m_axi_bready(m_axi_bready), .m_axi_bresp(m_axi_bresp)
    );
endmodule

`default_nettype wire
