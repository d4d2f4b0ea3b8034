// The core: AXI4-Lite registers, an AXI4 master of 128 bits, an interrupt. docs/fpga-core.md.
`timescale 1ns/1ps
`default_nettype none
`include "cx_registers.vh"

module cx_core #(
    // 0: without the array, whose other parameters then mean nothing
    parameter ARRAY = 1,
    // of weights: 8 or 6
    parameter BITS = 8,
    // of accumulators, 24 to 32
    parameter ACC = 32,
    // groups of 16 lanes: 1, 2 or 4
    parameter GROUPS = 1,
    // of a lane in a cycle: 16, 8 or 4
    parameter INPUTS = 16,
    // 1: two products on one multiplier
    parameter PACK = 0,
    // 1: for block RAM without write enables by byte (Intel)
    parameter COLUMNS = 0,
    // beats of 16 bytes of activations
    parameter SCRATCH = 32768,
    // entries of 256 bytes
    parameter WEIGHTS = 1024,
    // beats of 16 bytes
    parameter PARAMETERS = 2048,
    // lines of 64 bytes of the caches
    parameter ICACHE = 256,
    parameter DCACHE = 256
) (
    input  wire         clk,
    input  wire         rst,
    output wire         irq,

    input  wire         s_axi_awvalid,
    output wire         s_axi_awready,
    input  wire [11:0]  s_axi_awaddr,
    input  wire         s_axi_wvalid,
    output wire         s_axi_wready,
    input  wire [31:0]  s_axi_wdata,
    input  wire [3:0]   s_axi_wstrb,
    output wire         s_axi_bvalid,
    input  wire         s_axi_bready,
    output wire [1:0]   s_axi_bresp,
    input  wire         s_axi_arvalid,
    output wire         s_axi_arready,
    input  wire [11:0]  s_axi_araddr,
    output wire         s_axi_rvalid,
    input  wire         s_axi_rready,
    output wire [31:0]  s_axi_rdata,
    output wire [1:0]   s_axi_rresp,

    output wire         m_axi_arvalid,
    input  wire         m_axi_arready,
    output wire [63:0]  m_axi_araddr,
    output wire [7:0]   m_axi_arlen,
    output wire [2:0]   m_axi_arsize,
    output wire [1:0]   m_axi_arburst,
    output wire [3:0]   m_axi_arcache,
    output wire [2:0]   m_axi_arprot,
    input  wire         m_axi_rvalid,
    output wire         m_axi_rready,
    input  wire [127:0] m_axi_rdata,
    input  wire [1:0]   m_axi_rresp,
    input  wire         m_axi_rlast,
    output wire         m_axi_awvalid,
    input  wire         m_axi_awready,
    output wire [63:0]  m_axi_awaddr,
    output wire [7:0]   m_axi_awlen,
    output wire [2:0]   m_axi_awsize,
    output wire [1:0]   m_axi_awburst,
    output wire [3:0]   m_axi_awcache,
    output wire [2:0]   m_axi_awprot,
    output wire         m_axi_wvalid,
    input  wire         m_axi_wready,
    output wire [127:0] m_axi_wdata,
    output wire [15:0]  m_axi_wstrb,
    output wire         m_axi_wlast,
    input  wire         m_axi_bvalid,
    output wire         m_axi_bready,
    input  wire [1:0]   m_axi_bresp
);
    localparam [31:0] CAPS_ARRAY = ARRAY != 0 ? 32'h00001010 | (BITS << 16) | (ACC << 24) : 32'd0;
    localparam [31:0] CAPS_SCRATCH = ARRAY != 0 ? SCRATCH : 32'd0;
    localparam [31:0] CAPS_WEIGHTS = ARRAY != 0 ? WEIGHTS : 32'd0;
    localparam [31:0] CAPS_PARAMETERS = ARRAY != 0 ? PARAMETERS : 32'd0;

    // bursts of 16-byte beats at rising addresses; memory, modifiable and bufferable; data, secure, unprivileged
    assign m_axi_arsize = 3'd4;
    assign m_axi_arburst = 2'b01;
    assign m_axi_arcache = 4'b0011;
    assign m_axi_arprot = 3'b000;
    assign m_axi_awsize = 3'd4;
    assign m_axi_awburst = 2'b01;
    assign m_axi_awcache = 4'b0011;
    assign m_axi_awprot = 3'b000;

    wire        start, start_init, soft_reset, busy, done, failed, initialised, done_event, failed_event;
    wire [63:0] base;
    wire [31:0] limit, timeout, error_info, error_pc, step;
    wire [7:0]  error_code;
    wire [47:0] cycles, array_cycles, instructions, read_beats, write_beats;

    wire        axi_drain, axi_idle, axi_read_beat, axi_write_beat, axi_err_valid;
    wire [31:0] axi_limit, axi_err_info;
    wire [7:0]  axi_err_code;

    wire         h_rq_valid, i_rq_valid, d_rq_valid, c_rq_valid, l_rq_valid;
    wire         h_rq_ready, i_rq_ready, d_rq_ready, c_rq_ready, l_rq_ready;
    wire [31:0]  h_rq_addr, i_rq_addr, d_rq_addr, c_rq_addr, l_rq_addr;
    wire [7:0]   h_rq_len, i_rq_len, d_rq_len, c_rq_len, l_rq_len;
    wire         h_rd_valid, i_rd_valid, d_rd_valid, c_rd_valid, l_rd_valid;
    wire [127:0] rd_data;
    wire         rd_last;

    wire         d_wq_valid, d_wq_ready, d_wd_valid, d_wd_ready, d_wr_done, s_wq_valid, s_wq_ready, s_wd_valid, s_wd_ready, s_wr_done;
    wire [31:0]  d_wq_addr, s_wq_addr;
    wire [7:0]   d_wq_len, s_wq_len;
    wire [127:0] d_wd_data, s_wd_data;
    wire [15:0]  d_wd_strb, s_wd_strb;

    wire        unit_rst, proc_start, proc_done, proc_retired, proc_err_valid, mark_valid;
    wire [31:0] proc_start_pc, proc_pc, proc_err_info, mark;
    wire [7:0]  proc_err_code;
    wire        array_start, array_idle, array_err_valid;
    wire [31:0] array_addr, array_count, array_err_info;
    wire [7:0]  array_err_code;

    cx_regs #(
        .CAPS_ARRAY(CAPS_ARRAY), .CAPS_SCRATCH(CAPS_SCRATCH), .CAPS_WEIGHTS(CAPS_WEIGHTS), .CAPS_PARAMETERS(CAPS_PARAMETERS)
    ) regs (
        .clk(clk), .rst(rst), .irq(irq),
        .start(start), .start_init(start_init), .soft_reset(soft_reset), .base(base), .limit(limit), .timeout(timeout),
        .busy(busy), .done(done), .failed(failed), .initialised(initialised), .done_event(done_event), .failed_event(failed_event),
        .error_code(error_code), .error_info(error_info), .error_pc(error_pc), .step(step),
        .mark_valid(mark_valid), .mark(mark[8:0]),
        .cycles(cycles), .array_cycles(array_cycles), .instructions(instructions), .read_beats(read_beats), .write_beats(write_beats),
        .s_axi_awvalid(s_axi_awvalid), .s_axi_awready(s_axi_awready), .s_axi_awaddr(s_axi_awaddr),
        .s_axi_wvalid(s_axi_wvalid), .s_axi_wready(s_axi_wready), .s_axi_wdata(s_axi_wdata), .s_axi_wstrb(s_axi_wstrb),
        .s_axi_bvalid(s_axi_bvalid), .s_axi_bready(s_axi_bready), .s_axi_bresp(s_axi_bresp),
        .s_axi_arvalid(s_axi_arvalid), .s_axi_arready(s_axi_arready), .s_axi_araddr(s_axi_araddr),
        .s_axi_rvalid(s_axi_rvalid), .s_axi_rready(s_axi_rready), .s_axi_rdata(s_axi_rdata), .s_axi_rresp(s_axi_rresp)
    );

    cx_ctrl #(
        .CAPS_ARRAY(CAPS_ARRAY), .CAPS_SCRATCH(CAPS_SCRATCH), .CAPS_WEIGHTS(CAPS_WEIGHTS), .CAPS_PARAMETERS(CAPS_PARAMETERS)
    ) ctrl (
        .clk(clk), .rst(rst),
        .start(start), .start_init(start_init), .soft_reset(soft_reset), .base(base[31:0]), .limit(limit), .timeout(timeout),
        .busy(busy), .done(done), .failed(failed), .initialised(initialised), .done_event(done_event), .failed_event(failed_event),
        .error_code(error_code), .error_info(error_info), .error_pc(error_pc), .step(step),
        .cycles(cycles), .array_cycles(array_cycles), .instructions(instructions), .read_beats(read_beats), .write_beats(write_beats),
        .rq_valid(h_rq_valid), .rq_ready(h_rq_ready), .rq_addr(h_rq_addr), .rq_len(h_rq_len),
        .rd_valid(h_rd_valid), .rd_data(rd_data), .rd_last(rd_last),
        .axi_drain(axi_drain), .axi_idle(axi_idle), .axi_limit(axi_limit), .axi_read_beat(axi_read_beat), .axi_write_beat(axi_write_beat),
        .axi_err_valid(axi_err_valid), .axi_err_code(axi_err_code), .axi_err_info(axi_err_info),
        .unit_rst(unit_rst), .proc_start(proc_start), .proc_start_pc(proc_start_pc), .proc_done(proc_done), .proc_pc(proc_pc),
        .proc_retired(proc_retired), .proc_err_valid(proc_err_valid), .proc_err_code(proc_err_code), .proc_err_info(proc_err_info),
        .mark_valid(mark_valid), .mark(mark),
        .array_idle(array_idle), .array_err_valid(array_err_valid), .array_err_code(array_err_code), .array_err_info(array_err_info)
    );

    cx_axi axi (
        .clk(clk), .rst(rst), .drain(axi_drain), .idle(axi_idle), .base(base[63:12]), .limit(axi_limit),
        .read_beat(axi_read_beat), .write_beat(axi_write_beat),
        .err_valid(axi_err_valid), .err_code(axi_err_code), .err_info(axi_err_info),
        .rq_valid({l_rq_valid, c_rq_valid, d_rq_valid, i_rq_valid, h_rq_valid}),
        .rq_ready({l_rq_ready, c_rq_ready, d_rq_ready, i_rq_ready, h_rq_ready}),
        .rq_addr({l_rq_addr, c_rq_addr, d_rq_addr, i_rq_addr, h_rq_addr}),
        .rq_len({l_rq_len, c_rq_len, d_rq_len, i_rq_len, h_rq_len}),
        .rd_valid({l_rd_valid, c_rd_valid, d_rd_valid, i_rd_valid, h_rd_valid}),
        .rd_data(rd_data), .rd_last(rd_last),
        .wq_valid({s_wq_valid, d_wq_valid}), .wq_ready({s_wq_ready, d_wq_ready}), .wq_addr({s_wq_addr, d_wq_addr}), .wq_len({s_wq_len, d_wq_len}),
        .wd_valid({s_wd_valid, d_wd_valid}), .wd_ready({s_wd_ready, d_wd_ready}), .wd_data({s_wd_data, d_wd_data}), .wd_strb({s_wd_strb, d_wd_strb}),
        .wr_done({s_wr_done, d_wr_done}),
        .m_axi_arvalid(m_axi_arvalid), .m_axi_arready(m_axi_arready), .m_axi_araddr(m_axi_araddr), .m_axi_arlen(m_axi_arlen),
        .m_axi_rvalid(m_axi_rvalid), .m_axi_rready(m_axi_rready), .m_axi_rdata(m_axi_rdata), .m_axi_rresp(m_axi_rresp),
        .m_axi_rlast(m_axi_rlast),
        .m_axi_awvalid(m_axi_awvalid), .m_axi_awready(m_axi_awready), .m_axi_awaddr(m_axi_awaddr), .m_axi_awlen(m_axi_awlen),
        .m_axi_wvalid(m_axi_wvalid), .m_axi_wready(m_axi_wready), .m_axi_wdata(m_axi_wdata), .m_axi_wstrb(m_axi_wstrb),
        .m_axi_wlast(m_axi_wlast), .m_axi_bvalid(m_axi_bvalid), .m_axi_bready(m_axi_bready), .m_axi_bresp(m_axi_bresp)
    );

    cx_proc #(.ICACHE_LINES(ICACHE), .DCACHE_LINES(DCACHE)) proc (
        .clk(clk), .rst(unit_rst), .start(proc_start), .start_pc(proc_start_pc), .done(proc_done), .pc(proc_pc), .retired(proc_retired),
        .err_valid(proc_err_valid), .err_code(proc_err_code), .err_info(proc_err_info),
        .mark_valid(mark_valid), .mark(mark),
        .array_start(array_start), .array_addr(array_addr), .array_count(array_count), .array_idle(array_idle),
        .i_rq_valid(i_rq_valid), .i_rq_ready(i_rq_ready), .i_rq_addr(i_rq_addr), .i_rq_len(i_rq_len),
        .i_rd_valid(i_rd_valid), .i_rd_data(rd_data),
        .d_rq_valid(d_rq_valid), .d_rq_ready(d_rq_ready), .d_rq_addr(d_rq_addr), .d_rq_len(d_rq_len),
        .d_rd_valid(d_rd_valid), .d_rd_data(rd_data),
        .d_wq_valid(d_wq_valid), .d_wq_ready(d_wq_ready), .d_wq_addr(d_wq_addr), .d_wq_len(d_wq_len),
        .d_wd_valid(d_wd_valid), .d_wd_ready(d_wd_ready), .d_wd_data(d_wd_data), .d_wd_strb(d_wd_strb),
        .d_wr_done(d_wr_done)
    );

    generate
        if (ARRAY != 0) begin : with_array
            cx_array #(
                .WW(BITS), .VI(INPUTS), .GROUPS(GROUPS), .ACC(ACC), .PACK(PACK), .COLUMNS(COLUMNS), .SP_BEATS(SCRATCH), .WB_ENTRIES(WEIGHTS), .PB_BEATS(PARAMETERS)
            ) array (
                .clk(clk), .rst(unit_rst), .start(array_start), .addr(array_addr), .count(array_count), .idle(array_idle),
                .err_valid(array_err_valid), .err_code(array_err_code), .err_info(array_err_info),
                .c_rq_valid(c_rq_valid), .c_rq_ready(c_rq_ready), .c_rq_addr(c_rq_addr), .c_rq_len(c_rq_len),
                .c_rd_valid(c_rd_valid), .c_rd_data(rd_data), .c_rd_last(rd_last),
                .l_rq_valid(l_rq_valid), .l_rq_ready(l_rq_ready), .l_rq_addr(l_rq_addr), .l_rq_len(l_rq_len),
                .l_rd_valid(l_rd_valid), .l_rd_data(rd_data), .l_rd_last(rd_last),
                .s_wq_valid(s_wq_valid), .s_wq_ready(s_wq_ready), .s_wq_addr(s_wq_addr), .s_wq_len(s_wq_len),
                .s_wd_valid(s_wd_valid), .s_wd_ready(s_wd_ready), .s_wd_data(s_wd_data), .s_wd_strb(s_wd_strb),
                .s_wr_done(s_wr_done)
            );
        end else begin : without_array
            // the header of a program that needs the array is refused; what starts it all the same has an error
            assign array_idle = 1'b1;
            assign array_err_valid = array_start;
            assign array_err_code = `CX_ERR_BAD_COMMAND;
            assign array_err_info = array_addr;
            assign c_rq_valid = 1'b0;
            assign c_rq_addr = array_count;
            assign c_rq_len = 8'd0;
            assign l_rq_valid = 1'b0;
            assign l_rq_addr = 32'd0;
            assign l_rq_len = 8'd0;
            assign s_wq_valid = 1'b0;
            assign s_wq_addr = 32'd0;
            assign s_wq_len = 8'd0;
            assign s_wd_valid = 1'b0;
            assign s_wd_data = 128'd0;
            assign s_wd_strb = 16'd0;
            wire unused = &{1'b0, c_rq_ready, l_rq_ready, c_rd_valid, l_rd_valid, s_wq_ready, s_wd_ready, s_wr_done};
        end
    endgenerate
endmodule

`default_nettype wire
