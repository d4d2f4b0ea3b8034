// A run from START to its end: checks the header and the code of the image, starts the processor, counts, watches the time, and
// brings all to rest when a unit has an error.
`timescale 1ns/1ps
`default_nettype none
`include "cx_registers.vh"

module cx_ctrl #(
    parameter [31:0] CAPS_ARRAY = 32'd0,
    parameter [31:0] CAPS_SCRATCH = 32'd0,
    parameter [31:0] CAPS_WEIGHTS = 32'd0,
    parameter [31:0] CAPS_PARAMETERS = 32'd0
) (
    input  wire         clk,
    input  wire         rst,

    input  wire         start,
    input  wire         start_init,
    input  wire         soft_reset,
    // bits of it that are looked at
    input  wire [31:0]  base,
    input  wire [31:0]  limit,
    input  wire [31:0]  timeout,
    output wire         busy,
    output reg          done,
    output reg          failed,
    output reg          initialised,
    output reg          done_event,
    output reg          failed_event,
    output reg  [7:0]   error_code,
    output reg  [31:0]  error_info,
    output reg  [31:0]  error_pc,
    output reg  [31:0]  step,
    output reg  [47:0]  cycles,
    output reg  [47:0]  array_cycles,
    output reg  [47:0]  instructions,
    output reg  [47:0]  read_beats,
    output reg  [47:0]  write_beats,

    // memory
    output wire         rq_valid,
    input  wire         rq_ready,
    output wire [31:0]  rq_addr,
    output wire [7:0]   rq_len,
    input  wire         rd_valid,
    input  wire [127:0] rd_data,
    input  wire         rd_last,
    output wire         axi_drain,
    input  wire         axi_idle,
    output reg  [31:0]  axi_limit,
    input  wire         axi_read_beat,
    input  wire         axi_write_beat,
    input  wire         axi_err_valid,
    input  wire [7:0]   axi_err_code,
    input  wire [31:0]  axi_err_info,

    // processor and array
    output reg          unit_rst,
    output reg          proc_start,
    output reg  [31:0]  proc_start_pc,
    input  wire         proc_done,
    input  wire [31:0]  proc_pc,
    input  wire         proc_retired,
    input  wire         proc_err_valid,
    input  wire [7:0]   proc_err_code,
    input  wire [31:0]  proc_err_info,
    input  wire         mark_valid,
    input  wire [31:0]  mark,
    input  wire         array_idle,
    input  wire         array_err_valid,
    input  wire [7:0]   array_err_code,
    input  wire [31:0]  array_err_info
);
    localparam [3:0] IDLE = 4'd0, ASK_HEADER = 4'd1, HEADER = 4'd2, CHECK = 4'd3, ASK_CODE = 4'd4, CODE = 4'd5, CHECK_CODE = 4'd6,
                     LAUNCH = 4'd7, RUN = 4'd8, SETTLE = 4'd9, DRAIN = 4'd10;
    localparam [8:0] CHUNK = 9'd256;

    reg [3:0]   state;
    reg         initialising;
    reg         by_reset;
    // rests of the header: words 0 to 11 in their order, and word 12
    reg [383:0] header;
    reg [31:0]  header_crc;
    reg [1:0]   header_beat;
    // of the code, in beats
    reg [27:0]  code_beat;
    reg [27:0]  code_left;

    assign busy = state != IDLE;
    assign axi_drain = state == DRAIN;

    wire [31:0] magic = header[31:0];
    wire [31:0] version = header[63:32];
    wire [31:0] array = header[95:64];
    wire [31:0] scratch = header[127:96];
    wire [31:0] weights = header[159:128];
    wire [31:0] parameters = header[191:160];
    wire [31:0] bytes = header[223:192];
    wire [31:0] init_pc = header[255:224];
    wire [31:0] run_pc = header[287:256];
    wire [31:0] code_start = header[319:288];
    wire [31:0] code_bytes = header[351:320];
    wire [31:0] code_crc = header[383:352];
    wire [32:0] code_end = {1'b0, code_start} + {1'b0, code_bytes};
    wire        init_bad = init_pc[2:0] != 3'd0 || init_pc < code_start || {1'b0, init_pc} >= code_end;
    wire        run_bad = run_pc[2:0] != 3'd0 || run_pc < code_start || {1'b0, run_pc} >= code_end;

    wire [31:0] crc;
    wire        crc_clear = state == ASK_HEADER || state == CHECK;
    wire        crc_valid = rd_valid && ((state == HEADER && header_beat != 2'd3) || state == CODE);
    cx_crc check (.clk(clk), .clear(crc_clear), .valid(crc_valid), .data(rd_data), .crc(crc));

    wire [27:0] chunk = code_left < {19'd0, CHUNK} ? code_left : {19'd0, CHUNK};
    wire [7:0]  chunk_less_1 = chunk[7:0] - 8'd1;
    assign rq_valid = state == ASK_HEADER || state == ASK_CODE;
    assign rq_addr = state == ASK_CODE ? {code_beat, 4'd0} : 32'd0;
    assign rq_len = state == ASK_CODE ? chunk_less_1 : 8'd3;

    // an error of this unit
    reg         wrong;
    reg  [7:0]  wrong_code;
    reg  [31:0] wrong_info;
    always @* begin
        wrong = 1'b1;
        wrong_code = `CX_ERR_BAD_HEADER;
        wrong_info = 32'd0;
        case (state)
            IDLE:
                if (base[11:0] != 12'd0) begin
                    wrong_code = `CX_ERR_MISALIGNED_BASE;
                    wrong_info = base;
                end else if (!initialised && !start_init) begin
                    wrong_code = `CX_ERR_NOT_INITIALISED;
                    wrong_info = 32'd1 << `CX_CONTROL_START;
                end else begin
                    wrong = 1'b0;
                end
            CHECK:
                if (magic != `CX_MAGIC) begin
                    wrong_code = `CX_ERR_BAD_MAGIC;
                    wrong_info = magic;
                end else if (version != `CX_ISA_VERSION) begin
                    wrong_code = `CX_ERR_BAD_VERSION;
                    wrong_info = version;
                end else if (header_crc != crc) begin
                    wrong_code = `CX_ERR_BAD_HEADER_CRC;
                    wrong_info = crc;
                end else if (code_start[5:0] != 6'd0) begin
                    wrong_info = 32'd9;
                end else if (code_bytes[3:0] != 4'd0 || code_end > {1'b0, bytes}) begin
                    wrong_info = 32'd10;
                end else if (init_bad) begin
                    wrong_info = 32'd7;
                end else if (run_bad) begin
                    wrong_info = 32'd8;
                end else if (bytes[3:0] != 4'd0) begin
                    wrong_info = 32'd6;
                end else if (bytes > limit) begin
                    wrong_code = `CX_ERR_IMAGE_TOO_LARGE;
                    wrong_info = bytes;
                end else begin
                    wrong_code = `CX_ERR_CONFIG_MISMATCH;
                    if (array != 32'd0 && (array[23:0] != CAPS_ARRAY[23:0] || array[31:24] > CAPS_ARRAY[31:24])) wrong_info = 32'd2;
                    else if (scratch > CAPS_SCRATCH) wrong_info = 32'd3;
                    else if (weights > CAPS_WEIGHTS) wrong_info = 32'd4;
                    else if (parameters > CAPS_PARAMETERS) wrong_info = 32'd5;
                    else wrong = 1'b0;
                end
            CHECK_CODE: begin
                wrong = code_crc != crc;
                wrong_code = `CX_ERR_BAD_CODE_CRC;
                wrong_info = crc;
            end
            default: wrong = 1'b0;
        endcase
    end

    wire late = timeout != 32'd0 && (cycles[47:32+`CX_TIMEOUT_SHIFT] != {16-`CX_TIMEOUT_SHIFT{1'b0}}
                                     || cycles[31+`CX_TIMEOUT_SHIFT:`CX_TIMEOUT_SHIFT] >= timeout);
    wire running = state != IDLE && state != DRAIN;
    wire failing = running && (wrong || axi_err_valid || proc_err_valid || array_err_valid || late);

    always @(posedge clk) begin
        done_event <= 1'b0;
        failed_event <= 1'b0;
        proc_start <= 1'b0;
        unit_rst <= state != LAUNCH && state != RUN && state != SETTLE;

        if (running) begin
            cycles <= cycles + 48'd1;
            if (!array_idle && !unit_rst) array_cycles <= array_cycles + 48'd1;
            if (proc_retired) instructions <= instructions + 48'd1;
            if (axi_read_beat) read_beats <= read_beats + 48'd1;
            if (axi_write_beat) write_beats <= write_beats + 48'd1;
            if (mark_valid) step <= mark;
        end

        case (state)
            IDLE:
                if (start) begin
                    done <= 1'b0;
                    failed <= 1'b0;
                    error_code <= `CX_ERR_NONE;
                    error_info <= 32'd0;
                    error_pc <= 32'd0;
                    initialising <= start_init;
                    by_reset <= 1'b0;
                    step <= 32'd0;
                    cycles <= 48'd0;
                    array_cycles <= 48'd0;
                    instructions <= 48'd0;
                    read_beats <= 48'd0;
                    write_beats <= 48'd0;
                    header_beat <= 2'd0;
                    axi_limit <= 32'd64;
                    state <= ASK_HEADER;
                    if (start_init) initialised <= 1'b0;
                end
            ASK_HEADER: if (rq_ready) state <= HEADER;
            HEADER:
                if (rd_valid) begin
                    header_beat <= header_beat + 2'd1;
                    if (header_beat == 2'd3) header_crc <= rd_data[31:0];
                    else header <= {rd_data, header[383:128]};
                    if (rd_last) state <= CHECK;
                end
            CHECK: begin
                axi_limit <= bytes;
                code_beat <= code_start[31:4];
                code_left <= code_bytes[31:4];
                proc_start_pc <= initialising ? init_pc : run_pc;
                state <= initialising ? ASK_CODE : LAUNCH;
            end
            ASK_CODE:
                if (rq_ready) begin
                    code_beat <= code_beat + chunk;
                    code_left <= code_left - chunk;
                    state <= CODE;
                end
            CODE: if (rd_valid && rd_last) state <= code_left == 28'd0 ? CHECK_CODE : ASK_CODE;
            CHECK_CODE: state <= LAUNCH;
            // the units come out of their reset in this cycle
            LAUNCH: begin
                proc_start <= !unit_rst;
                if (!unit_rst) state <= RUN;
            end
            RUN: if (proc_done) state <= SETTLE;
            SETTLE:
                if (array_idle && axi_idle) begin
                    done <= 1'b1;
                    done_event <= 1'b1;
                    if (initialising) initialised <= 1'b1;
                    state <= IDLE;
                end
            default:
                if (axi_idle && unit_rst) begin
                    done <= !by_reset;
                    state <= IDLE;
                end
        endcase

        if (failing || (state == IDLE && start && wrong)) begin
            state <= DRAIN;
            failed <= 1'b1;
            failed_event <= 1'b1;
            done <= 1'b0;
            done_event <= 1'b0;
            initialised <= 1'b0;
            error_pc <= unit_rst ? 32'd0 : proc_pc;
            if (wrong) begin
                error_code <= wrong_code;
                error_info <= wrong_info;
            end else if (axi_err_valid) begin
                error_code <= axi_err_code;
                error_info <= axi_err_info;
            end else if (proc_err_valid) begin
                error_code <= proc_err_code;
                error_info <= proc_err_info;
            end else if (array_err_valid) begin
                error_code <= array_err_code;
                error_info <= array_err_info;
            end else begin
                error_code <= `CX_ERR_TIMEOUT;
                error_info <= step;
            end
        end

        if (soft_reset || rst) begin
            state <= DRAIN;
            by_reset <= 1'b1;
            done <= 1'b0;
            failed <= 1'b0;
            initialised <= 1'b0;
            failed_event <= 1'b0;
            done_event <= 1'b0;
            error_code <= `CX_ERR_NONE;
            error_info <= 32'd0;
            error_pc <= 32'd0;
            proc_start <= 1'b0;
        end
        if (rst) begin
            unit_rst <= 1'b1;
            axi_limit <= 32'd64;
            step <= 32'd0;
            cycles <= 48'd0;
            array_cycles <= 48'd0;
            instructions <= 48'd0;
            read_beats <= 48'd0;
            write_beats <= 48'd0;
        end
    end
endmodule

`default_nettype wire
