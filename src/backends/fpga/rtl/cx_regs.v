// Registers of the core on an AXI4-Lite port: isa/registers.ts. Writes and reads take two cycles each.
`timescale 1ns/1ps
`default_nettype none
`include "cx_registers.vh"

module cx_regs #(
    parameter [31:0] CAPS_ARRAY = 32'd0,
    parameter [31:0] CAPS_SCRATCH = 32'd0,
    parameter [31:0] CAPS_WEIGHTS = 32'd0,
    parameter [31:0] CAPS_PARAMETERS = 32'd0
) (
    input  wire        clk,
    input  wire        rst,
    output wire        irq,

    // to cx_ctrl; start, start_init and soft_reset last one cycle
    output reg         start,
    output reg         start_init,
    output reg         soft_reset,
    output reg  [63:0] base,
    output reg  [31:0] limit,
    output reg  [31:0] timeout,
    input  wire        busy,
    input  wire        done,
    input  wire        failed,
    input  wire        initialised,
    input  wire        done_event,
    input  wire        failed_event,
    input  wire [7:0]  error_code,
    input  wire [31:0] error_info,
    input  wire [31:0] error_pc,
    input  wire [31:0] step,
    input  wire        mark_valid,
    input  wire [`CX_KEPT_STEPS_LOG2-1:0] mark,
    input  wire [47:0] cycles,
    input  wire [47:0] array_cycles,
    input  wire [47:0] instructions,
    input  wire [47:0] read_beats,
    input  wire [47:0] write_beats,

    input  wire        s_axi_awvalid,
    output wire        s_axi_awready,
    input  wire [11:0] s_axi_awaddr,
    input  wire        s_axi_wvalid,
    output wire        s_axi_wready,
    input  wire [31:0] s_axi_wdata,
    input  wire [3:0]  s_axi_wstrb,
    output reg         s_axi_bvalid,
    input  wire        s_axi_bready,
    output reg  [1:0]  s_axi_bresp,
    input  wire        s_axi_arvalid,
    output wire        s_axi_arready,
    input  wire [11:0] s_axi_araddr,
    output reg         s_axi_rvalid,
    input  wire        s_axi_rready,
    output reg  [31:0] s_axi_rdata,
    output reg  [1:0]  s_axi_rresp
);
    localparam [1:0] OKAY = 2'b00, SLVERR = 2'b10;
    localparam [1:0] REFUSED_BUSY = 2'd1, REFUSED_ADDRESS = 2'd2, REFUSED_BYTES = 2'd3;
    localparam STEPS = 1 << `CX_KEPT_STEPS_LOG2;

    reg                            irq_enable;
    reg [2:0]                      irq_status;
    reg [1:0]                      refused_reason;
    reg [11:0]                     refused_offset;
    reg [`CX_KEPT_STEPS_LOG2-1:0]  step_select;

    assign irq = irq_enable && irq_status != 3'd0;

    // when each step began
    reg [47:0] marks [0:STEPS-1];
    reg [47:0] selected;
    always @(posedge clk) begin
        if (mark_valid) marks[mark] <= cycles;
        selected <= marks[step_select];
    end

    wire        write = s_axi_awvalid && s_axi_wvalid && !s_axi_bvalid;
    wire [11:0] to = s_axi_awaddr;
    wire        whole = s_axi_wstrb == 4'hf;
    wire        resetting = s_axi_wdata[`CX_CONTROL_SOFT_RESET];
    wire        starting = s_axi_wdata[`CX_CONTROL_START] && !resetting;
    assign s_axi_awready = write;
    assign s_axi_wready = write;

    reg [1:0] reason;
    always @* begin
        case (to)
            `CX_REG_BASE_LO, `CX_REG_BASE_HI, `CX_REG_LIMIT, `CX_REG_TIMEOUT: reason = busy ? REFUSED_BUSY : 2'd0;
            `CX_REG_CONTROL: reason = busy && starting ? REFUSED_BUSY : 2'd0;
            `CX_REG_IRQ_STATUS, `CX_REG_REFUSED, `CX_REG_STEP_SELECT: reason = 2'd0;
            default: reason = REFUSED_ADDRESS;
        endcase
        if (!whole && reason == 2'd0) reason = REFUSED_BYTES;
    end

    always @(posedge clk) begin
        start <= 1'b0;
        soft_reset <= 1'b0;
        if (s_axi_bready) s_axi_bvalid <= 1'b0;
        if (done_event) irq_status[`CX_IRQ_STATUS_DONE] <= 1'b1;
        if (failed_event) irq_status[`CX_IRQ_STATUS_ERROR] <= 1'b1;
        if (write) begin
            s_axi_bvalid <= 1'b1;
            s_axi_bresp <= reason == 2'd0 ? OKAY : SLVERR;
            if (reason != 2'd0) begin
                irq_status[`CX_IRQ_STATUS_REFUSED] <= 1'b1;
                if (refused_reason == 2'd0) begin
                    refused_reason <= reason;
                    refused_offset <= to;
                end
            end else begin
                case (to)
                    `CX_REG_CONTROL: begin
                        start <= starting;
                        start_init <= s_axi_wdata[`CX_CONTROL_INIT];
                        soft_reset <= resetting;
                        if (!resetting) irq_enable <= s_axi_wdata[`CX_CONTROL_IRQ_ENABLE];
                    end
                    `CX_REG_BASE_LO: base[31:0] <= s_axi_wdata;
                    `CX_REG_BASE_HI: base[63:32] <= s_axi_wdata;
                    `CX_REG_LIMIT: limit <= s_axi_wdata;
                    `CX_REG_TIMEOUT: timeout <= s_axi_wdata;
                    // what happens in this cycle is not lost
                    `CX_REG_IRQ_STATUS: irq_status <= (irq_status & ~s_axi_wdata[2:0]) | {1'b0, failed_event, done_event};
                    `CX_REG_REFUSED: refused_reason <= 2'd0;
                    default: step_select <= s_axi_wdata[`CX_KEPT_STEPS_LOG2-1:0];
                endcase
            end
        end
        if (rst) begin
            s_axi_bvalid <= 1'b0;
            irq_enable <= 1'b0;
            irq_status <= 3'd0;
            refused_reason <= 2'd0;
            refused_offset <= 12'd0;
            step_select <= {`CX_KEPT_STEPS_LOG2{1'b0}};
            base <= {`CX_RESET_BASE_HI, `CX_RESET_BASE_LO};
            limit <= `CX_RESET_LIMIT;
            timeout <= `CX_RESET_TIMEOUT;
        end
    end

    reg         reading;
    reg  [11:0] from;
    reg  [31:0] value;
    reg         known;
    assign s_axi_arready = !reading && !s_axi_rvalid;
    always @* begin
        known = 1'b1;
        case (from)
            `CX_REG_ID: value = `CX_MAGIC;
            `CX_REG_VERSION: value = `CX_VERSION;
            `CX_REG_CAPS_ARRAY: value = CAPS_ARRAY;
            `CX_REG_CAPS_SCRATCH: value = CAPS_SCRATCH;
            `CX_REG_CAPS_WEIGHTS: value = CAPS_WEIGHTS;
            `CX_REG_CAPS_PARAMETERS: value = CAPS_PARAMETERS;
            `CX_REG_CONTROL: value = {31'd0, irq_enable} << `CX_CONTROL_IRQ_ENABLE;
            `CX_REG_STATUS: value = {28'd0, initialised, failed, done, busy};
            `CX_REG_ERROR: value = {24'd0, error_code};
            `CX_REG_ERROR_INFO: value = error_info;
            `CX_REG_ERROR_PC: value = error_pc;
            `CX_REG_BASE_LO: value = base[31:0];
            `CX_REG_BASE_HI: value = base[63:32];
            `CX_REG_LIMIT: value = limit;
            `CX_REG_TIMEOUT: value = timeout;
            `CX_REG_IRQ_STATUS: value = {29'd0, irq_status};
            `CX_REG_REFUSED: value = refused_reason == 2'd0 ? 32'd0 : {14'd0, refused_reason, 4'd0, refused_offset};
            `CX_REG_STEP: value = step;
            `CX_REG_STEP_SELECT: value = {{32-`CX_KEPT_STEPS_LOG2{1'b0}}, step_select};
            `CX_REG_STEP_CYCLES_LO: value = selected[31:0];
            `CX_REG_STEP_CYCLES_HI: value = {16'd0, selected[47:32]};
            `CX_REG_CYCLES_LO: value = cycles[31:0];
            `CX_REG_CYCLES_HI: value = {16'd0, cycles[47:32]};
            `CX_REG_ARRAY_CYCLES_LO: value = array_cycles[31:0];
            `CX_REG_ARRAY_CYCLES_HI: value = {16'd0, array_cycles[47:32]};
            `CX_REG_INSTRUCTIONS_LO: value = instructions[31:0];
            `CX_REG_INSTRUCTIONS_HI: value = {16'd0, instructions[47:32]};
            `CX_REG_READ_BEATS_LO: value = read_beats[31:0];
            `CX_REG_READ_BEATS_HI: value = {16'd0, read_beats[47:32]};
            `CX_REG_WRITE_BEATS_LO: value = write_beats[31:0];
            `CX_REG_WRITE_BEATS_HI: value = {16'd0, write_beats[47:32]};
            default: begin
                value = 32'd0;
                known = 1'b0;
            end
        endcase
    end

    always @(posedge clk) begin
        if (s_axi_rready) s_axi_rvalid <= 1'b0;
        if (s_axi_arvalid && s_axi_arready) begin
            reading <= 1'b1;
            from <= s_axi_araddr;
        end
        if (reading) begin
            reading <= 1'b0;
            s_axi_rvalid <= 1'b1;
            s_axi_rdata <= value;
            s_axi_rresp <= known ? OKAY : SLVERR;
        end
        if (rst) begin
            reading <= 1'b0;
            s_axi_rvalid <= 1'b0;
        end
    end
endmodule

`default_nettype wire
