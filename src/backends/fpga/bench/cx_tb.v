// Testbench of the core for any simulator of Verilog: a memory with random stalls and a host that loads an image and runs it.
//   +image=FILE   beats of the image from address 0, as $readmemh reads them
//   +runs=N       runs after the initialization; before run k, input<k>.hex is read over the memory; after it, output<k>.hex is written
//   +inputs=PATH  what stands before "<k>.hex" for inputs, +outputs=PATH the same for outputs
//   +first=N +last=N  beats that are written
//   +stalls=N     chance of a stall a cycle, of 256    +seed=N  of the stalls    +limit=N  cycles that a run may take
// Ends with a line "cx_tb: done" or "cx_tb: error ...".
`timescale 1ns/1ps
`default_nettype none
`include "cx_registers.vh"

module cx_tb #(
    parameter ARRAY = 1,
    parameter BITS = 8,
    parameter ACC = 32,
    parameter GROUPS = 1,
    parameter INPUTS = 16,
    parameter PACK = 0,
    parameter SCRATCH = 32768,
    parameter WEIGHTS = 1024,
    parameter PARAMETERS = 2048,
    parameter ICACHE = 256,
    parameter DCACHE = 256,
    // beats of memory
    parameter MEMORY = 65536
);
    localparam [63:0] BASE = 64'h0000000240000000;
    localparam QUEUE = 16;
    localparam LATENCY = 20;

    reg clk;
    reg rst;
    initial clk = 1'b0;
    always #1 clk = !clk;

    reg         s_awvalid, s_wvalid, s_bready, s_arvalid, s_rready;
    reg  [11:0] s_awaddr, s_araddr;
    reg  [31:0] s_wdata;
    wire        s_awready, s_wready, s_bvalid, s_arready, s_rvalid, irq;
    wire [1:0]  s_bresp, s_rresp;
    wire [31:0] s_rdata;

    wire         arvalid, rready, awvalid, wvalid, wlast, bready;
    wire [63:0]  araddr, awaddr;
    wire [7:0]   arlen, awlen;
    wire [2:0]   arsize, awsize, arprot, awprot;
    wire [1:0]   arburst, awburst;
    wire [3:0]   arcache, awcache;
    wire [127:0] wdata;
    wire [15:0]  wstrb;
    reg          arready, rvalid, rlast, awready, wready, bvalid;
    reg  [1:0]   rresp, bresp;
    reg  [127:0] rdata;

    cx_core #(
        .ARRAY(ARRAY), .BITS(BITS), .ACC(ACC), .GROUPS(GROUPS), .INPUTS(INPUTS), .PACK(PACK), .SCRATCH(SCRATCH), .WEIGHTS(WEIGHTS),
        .PARAMETERS(PARAMETERS), .ICACHE(ICACHE), .DCACHE(DCACHE)
    ) core (
        .clk(clk), .rst(rst), .irq(irq),
        .s_axi_awvalid(s_awvalid), .s_axi_awready(s_awready), .s_axi_awaddr(s_awaddr),
        .s_axi_wvalid(s_wvalid), .s_axi_wready(s_wready), .s_axi_wdata(s_wdata), .s_axi_wstrb(4'hf),
        .s_axi_bvalid(s_bvalid), .s_axi_bready(s_bready), .s_axi_bresp(s_bresp),
        .s_axi_arvalid(s_arvalid), .s_axi_arready(s_arready), .s_axi_araddr(s_araddr),
        .s_axi_rvalid(s_rvalid), .s_axi_rready(s_rready), .s_axi_rdata(s_rdata), .s_axi_rresp(s_rresp),
        .m_axi_arvalid(arvalid), .m_axi_arready(arready), .m_axi_araddr(araddr), .m_axi_arlen(arlen), .m_axi_arsize(arsize),
        .m_axi_arburst(arburst), .m_axi_arcache(arcache), .m_axi_arprot(arprot),
        .m_axi_rvalid(rvalid), .m_axi_rready(rready), .m_axi_rdata(rdata), .m_axi_rresp(rresp), .m_axi_rlast(rlast),
        .m_axi_awvalid(awvalid), .m_axi_awready(awready), .m_axi_awaddr(awaddr), .m_axi_awlen(awlen), .m_axi_awsize(awsize),
        .m_axi_awburst(awburst), .m_axi_awcache(awcache), .m_axi_awprot(awprot),
        .m_axi_wvalid(wvalid), .m_axi_wready(wready), .m_axi_wdata(wdata), .m_axi_wstrb(wstrb), .m_axi_wlast(wlast),
        .m_axi_bvalid(bvalid), .m_axi_bready(bready), .m_axi_bresp(bresp)
    );

    reg [127:0] memory [0:MEMORY-1];
    integer     stalls, seed, cycle;

    function [31:0] beat_of;
        input [63:0] address;
        reg   [63:0] offset;
        begin
            offset = address - BASE;
            beat_of = offset[35:4];
        end
    endfunction

    // a burst of reads a place
    reg [31:0] q_beat [0:QUEUE-1];
    integer    q_left [0:QUEUE-1];
    integer    q_ready [0:QUEUE-1];
    integer    q_first, q_count;
    // the burst that is written
    reg        w_open;
    reg [31:0] w_beat;
    integer    b_ready;

    reg stall_ar, stall_r, stall_aw, stall_w, stall_b;
    integer i;
    initial begin
        arready = 1'b0;
        rvalid = 1'b0;
        rlast = 1'b0;
        rresp = 2'b00;
        awready = 1'b0;
        wready = 1'b0;
        bvalid = 1'b0;
        bresp = 2'b00;
        q_first = 0;
        q_count = 0;
        w_open = 1'b0;
        b_ready = 0;
        cycle = 0;
    end

    always @(posedge clk) begin
        cycle <= cycle + 1;
        stall_ar = ($random(seed) & 255) < stalls;
        stall_r = ($random(seed) & 255) < stalls;
        stall_aw = ($random(seed) & 255) < stalls;
        stall_w = ($random(seed) & 255) < stalls;
        stall_b = ($random(seed) & 255) < stalls;

        if (arvalid && arready) begin
            if (beat_of(araddr) + arlen >= MEMORY) $display("cx_tb: error a read at %h lies beyond the memory", araddr);
            q_beat[(q_first + q_count) % QUEUE] = beat_of(araddr);
            q_left[(q_first + q_count) % QUEUE] = arlen + 1;
            q_ready[(q_first + q_count) % QUEUE] = cycle + LATENCY;
            q_count = q_count + 1;
        end
        arready <= !stall_ar && q_count < QUEUE - 1;

        if (!rvalid || rready) begin
            rvalid <= 1'b0;
            if (q_count > 0 && q_ready[q_first] <= cycle && !stall_r) begin
                rvalid <= 1'b1;
                rdata <= memory[q_beat[q_first]];
                rlast <= q_left[q_first] == 1;
                q_beat[q_first] = q_beat[q_first] + 1;
                q_left[q_first] = q_left[q_first] - 1;
                if (q_left[q_first] == 0) begin
                    q_first = (q_first + 1) % QUEUE;
                    q_count = q_count - 1;
                end
            end
        end

        if (bvalid && bready) bvalid <= 1'b0;
        if (awvalid && awready) begin
            w_open = 1'b1;
            w_beat = beat_of(awaddr);
            if (beat_of(awaddr) + awlen >= MEMORY) $display("cx_tb: error a write at %h lies beyond the memory", awaddr);
        end
        if (wvalid && wready) begin
            for (i = 0; i < 16; i = i + 1)
                if (wstrb[i]) memory[w_beat][8*i +: 8] = wdata[8*i +: 8];
            w_beat = w_beat + 1;
            if (wlast) begin
                w_open = 1'b0;
                b_ready = cycle + LATENCY;
            end
        end
        if (b_ready != 0 && b_ready <= cycle && !bvalid && !stall_b) begin
            bvalid <= 1'b1;
            b_ready = 0;
        end
        // one burst at a time
        awready <= !stall_aw && !w_open && b_ready == 0 && !(awvalid && awready);
        wready <= !stall_w && w_open;
    end

    task write_register;
        input [11:0] offset;
        input [31:0] value;
        begin
            s_awaddr = offset;
            s_wdata = value;
            s_awvalid = 1'b1;
            s_wvalid = 1'b1;
            s_bready = 1'b1;
            @(posedge clk);
            while (!s_awready) @(posedge clk);
            #0.1 s_awvalid = 1'b0;
            s_wvalid = 1'b0;
            while (!s_bvalid) @(posedge clk);
            if (s_bresp != 2'b00) $display("cx_tb: error the write to register %h is refused", offset);
            @(posedge clk);
            #0.1 s_bready = 1'b0;
        end
    endtask

    reg [31:0] value;
    task read_register;
        input [11:0] offset;
        begin
            s_araddr = offset;
            s_arvalid = 1'b1;
            s_rready = 1'b1;
            @(posedge clk);
            while (!s_arready) @(posedge clk);
            #0.1 s_arvalid = 1'b0;
            while (!s_rvalid) @(posedge clk);
            value = s_rdata;
            @(posedge clk);
            #0.1 s_rready = 1'b0;
        end
    endtask

    integer limit, waited;
    task run;
        input [31:0] control;
        begin
            write_register(`CX_REG_CONTROL, control);
            waited = 0;
            value = 32'd1;
            while (value[`CX_STATUS_BUSY] && waited < limit) begin
                repeat (64) @(posedge clk);
                waited = waited + 64;
                #0.1 read_register(`CX_REG_STATUS);
            end
            if (value[`CX_STATUS_BUSY]) begin
                $display("cx_tb: error the run takes more than %0d cycles", limit);
                $finish;
            end
            if (value[`CX_STATUS_ERROR]) begin
                read_register(`CX_REG_ERROR);
                $write("cx_tb: error code %0d", value);
                read_register(`CX_REG_ERROR_INFO);
                $display(" info %h", value);
                $finish;
            end
            read_register(`CX_REG_CYCLES_LO);
            $display("cx_tb: %0d cycles", value);
        end
    endtask

    reg [8*1024-1:0] image, inputs, outputs, path;
    integer          runs, first, last, k;
    initial begin
        s_awvalid = 1'b0;
        s_wvalid = 1'b0;
        s_bready = 1'b0;
        s_arvalid = 1'b0;
        s_rready = 1'b0;
        if (!$value$plusargs("runs=%d", runs)) runs = 1;
        if (!$value$plusargs("stalls=%d", stalls)) stalls = 0;
        if (!$value$plusargs("seed=%d", seed)) seed = 1;
        if (!$value$plusargs("limit=%d", limit)) limit = 100000000;
        if (!$value$plusargs("first=%d", first)) first = 0;
        if (!$value$plusargs("last=%d", last)) last = MEMORY - 1;
        if (!$value$plusargs("inputs=%s", inputs)) inputs = "input";
        if (!$value$plusargs("outputs=%s", outputs)) outputs = "output";
        if (!$value$plusargs("image=%s", image)) image = "image.hex";
        for (k = 0; k < MEMORY; k = k + 1) memory[k] = 128'd0;
        $readmemh(image, memory);
        rst = 1'b1;
        repeat (4) @(posedge clk);
        #0.1 rst = 1'b0;
        repeat (4) @(posedge clk);
        #0.1 write_register(`CX_REG_BASE_LO, BASE[31:0]);
        write_register(`CX_REG_BASE_HI, BASE[63:32]);
        write_register(`CX_REG_LIMIT, MEMORY * 16);
        write_register(`CX_REG_TIMEOUT, 32'd0);
        run((32'd1 << `CX_CONTROL_START) | (32'd1 << `CX_CONTROL_INIT));
        for (k = 0; k < runs; k = k + 1) begin
            $sformat(path, "%0s%0d.hex", inputs, k);
            $readmemh(path, memory);
            run(32'd1 << `CX_CONTROL_START);
            $sformat(path, "%0s%0d.hex", outputs, k);
            $writememh(path, memory, first, last);
        end
        $display("cx_tb: done");
        $finish;
    end

    wire unused = &{1'b0, irq, s_rresp, arsize, awsize, arprot, awprot, arburst, awburst, arcache, awcache};
endmodule

`default_nettype wire
