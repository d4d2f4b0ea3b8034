`timescale 1ns/1ps
`default_nettype none
`include "cx_isa.vh"
`include "cx_registers.vh"
// The processor: fetch (F), decode with the read of registers (D), execution with the write of its result (X). An instruction in D reads what the one
// in X is about to write, so that there are no other hazards; X holds D while it takes more than a cycle, and a jump that is taken drops
// what is in D. A line of code is fetched only when the instruction that needs it is sure to be executed.
// It has to be reset between a run and the next one; a start waits until the caches have emptied themselves.
module cx_proc #(
    parameter ICACHE_LINES = 256,
    parameter DCACHE_LINES = 256
) (
    input  wire         clk,
    input  wire         rst,
    input  wire         start,
    input  wire [ 31:0] start_pc,
    input  wire         array_idle,
    output reg          done,
    output reg          err_valid,
    output reg  [  7:0] err_code,
    output reg  [ 31:0] err_info,
    output reg  [ 31:0] pc,
    output wire         array_start,
    output wire [ 31:0] array_addr,
    output wire [ 31:0] array_count,
    output wire         mark_valid,
    output wire [ 31:0] mark,
    output wire         retired,

    output wire         i_rq_valid,
    input  wire         i_rq_ready,
    output wire [ 31:0] i_rq_addr,
    output wire [  7:0] i_rq_len,
    input  wire         i_rd_valid,
    input  wire [127:0] i_rd_data,

    output wire         d_rq_valid,
    input  wire         d_rq_ready,
    output wire [ 31:0] d_rq_addr,
    output wire [  7:0] d_rq_len,
    input  wire         d_rd_valid,
    input  wire [127:0] d_rd_data,
    output wire         d_wq_valid,
    input  wire         d_wq_ready,
    output wire [ 31:0] d_wq_addr,
    output wire [  7:0] d_wq_len,
    output wire         d_wd_valid,
    input  wire         d_wd_ready,
    output wire [127:0] d_wd_data,
    output wire [ 15:0] d_wd_strb,
    input  wire         d_wr_done
);
  reg running;
  reg starting;
  wire i_ready;
  wire d_ready;
  wire begins = starting && i_ready && d_ready;

  // D
  reg fetched;
  reg [31:0] d_pc;
  wire [63:0] instr;
  wire d_hit;
  wire i_busy;
  wire [7:0] op = instr[7:0];
  wire [5:0] ra = instr[19:14];
  wire [5:0] rb = instr[25:20];
  wire [5:0] rc = instr[31:26];
  wire [63:0] immediate = {{32{instr[63]}}, instr[63:32]};
  wire misplaced = d_pc[2:0] != 3'd0;
  wire legal;
  wire writes_scalar;
  wire writes_vector;
  wire b_is_immediate;
  wire [9:0] unit;
  wire [1:0] wait_multiply;

  // X
  reg x_valid;
  reg x_first;
  reg [1:0] x_cycle;
  reg x_misplaced;
  reg x_illegal;
  reg [31:0] x_pc;
  reg [31:0] x_low;
  reg [31:0] x_imm;
  reg [63:0] x_a;
  reg [63:0] x_b;
  reg [63:0] x_c;
  reg [127:0] x_va;
  reg [127:0] x_vb;
  reg [127:0] x_vc;
  reg x_writes_scalar;
  reg x_writes_vector;
  reg x_alu;
  reg x_jump;
  reg x_divide;
  reg x_multiply;
  reg x_load;
  reg x_store;
  reg x_lanes;
  reg x_shift;
  reg x_permute;
  reg x_system;
  reg [1:0] x_wait;
  wire [7:0] x_op = x_low[7:0];
  wire [5:0] x_rd = x_low[13:8];
  wire [3:0] x_lane = x_low[29:26];

  wire alu_jumps;
  wire stored;
  wire loaded;
  wire flushed;
  wire divided;

  // X ends in this cycle
  wire is_flush = x_system && (x_op == `CX_OP_DFLUSH || x_op == `CX_OP_HALT);
  wire is_await = x_system && x_op == `CX_OP_AWAIT;
  wire is_astart = x_system && x_op == `CX_OP_ASTART;
  wire ends = !(x_divide && !divided) && !(x_multiply && x_cycle != x_wait) && !(x_load && !loaded) && !(x_store && !stored)
      && !(is_flush && !flushed) && !(is_await && !array_idle);
  wire advance = !x_valid || ends;
  wire jumping = x_valid && x_jump && alu_jumps;
  wire [31:0] target = x_op == `CX_OP_JR ? x_a[31:0] : x_imm;
  wire complete = fetched && ((d_hit && !i_busy) || misplaced);
  wire issue = advance && !jumping && complete;
  wire [31:0] next_pc = begins ? start_pc : jumping ? target : issue ? d_pc + 32'd8 : d_pc;

  // errors of X
  wire stopping = x_valid && x_system && (x_op == `CX_OP_HALT || x_op == `CX_OP_TRAP);
  wire array_busy = is_astart && !array_idle;
  wire fault = x_valid && (x_misplaced || x_illegal || array_busy || (x_system && x_op == `CX_OP_TRAP));
  wire ok = running && x_valid && !fault;

  assign retired = ok && ends;
  assign array_start = ok && is_astart;
  assign array_addr = x_a[31:0];
  assign array_count = x_b[31:0];
  assign mark_valid = ok && x_system && x_op == `CX_OP_MARK;
  assign mark = x_imm;

  // results
  wire [63:0] alu_out;
  wire [63:0] load_out;
  wire [63:0] multiply_out;
  wire [63:0] divide_out;
  wire [63:0] extracted;
  wire [127:0] load_vout;
  wire [127:0] multiply_vout;
  wire [127:0] valu_out;
  wire [63:0] link = x_jump ? {32'd0, x_pc + 32'd8} : 64'd0;
  wire [63:0] result = alu_out | load_out | multiply_out | divide_out | extracted | link;
  wire [127:0] vresult = load_vout | multiply_vout | valu_out;
  wire write = ok && ends && x_writes_scalar && x_rd != 6'd0;
  wire vwrite = ok && ends && x_writes_vector;

  wire [63:0] reg_a;
  wire [63:0] reg_b;
  wire [63:0] reg_c;
  wire [127:0] reg_va;
  wire [127:0] reg_vb;
  wire [127:0] reg_vc;

  cx_icache #(
      .LINES(ICACHE_LINES)
  ) icache (
      .clk     (clk),
      .rst     (rst),
      .ready   (i_ready),
      .addr    (next_pc[31:3]),
      .instr   (instr),
      .hit     (d_hit),
      .fill    (running && advance && !jumping && !stopping && !fault && fetched && !complete),
      .busy    (i_busy),
      .rq_valid(i_rq_valid),
      .rq_ready(i_rq_ready),
      .rq_addr (i_rq_addr),
      .rq_len  (i_rq_len),
      .rd_valid(i_rd_valid),
      .rd_data (i_rd_data)
  );

  cx_proc_decode decode (
      .op            (op),
      .legal         (legal),
      .writes_scalar (writes_scalar),
      .writes_vector (writes_vector),
      .b_is_immediate(b_is_immediate),
      .is_alu        (unit[0]),
      .is_jump       (unit[1]),
      .is_divide     (unit[2]),
      .is_multiply   (unit[3]),
      .is_load       (unit[4]),
      .is_store      (unit[5]),
      .is_lanes      (unit[6]),
      .is_shift      (unit[7]),
      .is_permute    (unit[8]),
      .is_system     (unit[9]),
      .wait_multiply (wait_multiply)
  );

  cx_proc_regs #(
      .WIDTH(64)
  ) scalars (
      .clk  (clk),
      .we   (write),
      .rd   (x_rd),
      .wdata(result),
      .ra   (ra),
      .rb   (rb),
      .rc   (rc),
      .a    (reg_a),
      .b    (reg_b),
      .c    (reg_c)
  );
  cx_proc_regs #(
      .WIDTH(128)
  ) vectors (
      .clk  (clk),
      .we   (vwrite),
      .rd   (x_rd),
      .wdata(vresult),
      .ra   (ra),
      .rb   (rb),
      .rc   (rc),
      .a    (reg_va),
      .b    (reg_vb),
      .c    (reg_vc)
  );

  cx_alu alu (
      .enable(x_alu),
      .op    (x_op),
      .a     (x_a),
      .b     (x_b),
      .c     (x_c),
      .out   (alu_out),
      .jumps (alu_jumps)
  );
  cx_proc_multiply multiply (
      .clk   (clk),
      .enable(x_multiply),
      .op    (x_op),
      .cycle (x_cycle),
      .a     (x_a),
      .b     (x_b),
      .va    (x_va),
      .vb    (x_vb),
      .out   (multiply_out),
      .vout  (multiply_vout)
  );
  cx_proc_divide divide (
      .clk   (clk),
      .rst   (rst),
      .start (x_divide && x_first),
      .enable(x_divide),
      .op    (x_op),
      .a     (x_a),
      .b     (x_b),
      .done  (divided),
      .out   (divide_out)
  );
  cx_valu valu (
      .is_lanes  (x_lanes),
      .is_shift  (x_shift),
      .is_permute(x_permute),
      .op        (x_op),
      .lane      (x_lane[1:0]),
      .a         (x_a),
      .amount    (x_b[5:0]),
      .chosen    (x_c != 64'd0),
      .va        (x_va),
      .vb        (x_vb),
      .vc        (x_vc),
      .out       (valu_out),
      .extracted (extracted)
  );

  wire [31:0] addr;
  wire [15:0] bytes;
  wire [3:0] turn;
  wire [127:0] wdata;
  wire [127:0] rdata;
  cx_proc_access access (
      .op    (x_op),
      .base  (x_a[31:0]),
      .imm   (x_imm),
      .lane  (x_lane),
      .b     (x_b),
      .vb    (x_vb),
      .addr  (addr),
      .bytes (bytes),
      .turn  (turn),
      .wdata (wdata),
      .enable(x_load),
      .rdata (rdata),
      .out   (load_out),
      .vout  (load_vout)
  );
  cx_dcache #(
      .LINES(DCACHE_LINES)
  ) dcache (
      .clk     (clk),
      .rst     (rst),
      .ready   (d_ready),
      .req     (x_first && (x_load || x_store)),
      .write   (x_store),
      .addr    (addr),
      .bytes   (bytes),
      .turn    (turn),
      .wdata   (wdata),
      .stored  (stored),
      .loaded  (loaded),
      .rdata   (rdata),
      .flush   (x_first && is_flush),
      .flushed (flushed),
      .rq_valid(d_rq_valid),
      .rq_ready(d_rq_ready),
      .rq_addr (d_rq_addr),
      .rq_len  (d_rq_len),
      .rd_valid(d_rd_valid),
      .rd_data (d_rd_data),
      .wq_valid(d_wq_valid),
      .wq_ready(d_wq_ready),
      .wq_addr (d_wq_addr),
      .wq_len  (d_wq_len),
      .wd_valid(d_wd_valid),
      .wd_ready(d_wd_ready),
      .wd_data (d_wd_data),
      .wd_strb (d_wd_strb),
      .wr_done (d_wr_done)
  );

  // operands, with the result of X where it is one
  wire [63:0] a = ra == 6'd0 ? 64'd0 : write && x_rd == ra ? result : reg_a;
  wire [63:0] b = b_is_immediate ? immediate : rb == 6'd0 ? 64'd0 : write && x_rd == rb ? result : reg_b;
  wire [63:0] c = rc == 6'd0 ? 64'd0 : write && x_rd == rc ? result : reg_c;

  always @(posedge clk) begin
    done      <= 1'b0;
    err_valid <= 1'b0;
    if (running) pc <= x_valid ? x_pc : d_pc;
    d_pc    <= next_pc;
    x_first <= 1'b0;
    x_cycle <= x_cycle + 2'd1;
    if (advance) begin
      x_valid         <= issue;
      x_first         <= issue;
      x_cycle         <= 2'd0;
      x_misplaced     <= misplaced;
      x_illegal       <= !legal;
      x_pc            <= d_pc;
      x_low           <= instr[31:0];
      x_imm           <= instr[63:32];
      x_writes_scalar <= writes_scalar;
      x_writes_vector <= writes_vector;
      x_wait          <= wait_multiply;
      x_a             <= a;
      x_b             <= b;
      x_c             <= c;
      x_va            <= vwrite && x_rd == ra ? vresult : reg_va;
      x_vb            <= vwrite && x_rd == rb ? vresult : reg_vb;
      x_vc            <= vwrite && x_rd == rc ? vresult : reg_vc;
      {x_system, x_permute, x_shift, x_lanes, x_store, x_load, x_multiply, x_divide, x_jump, x_alu} <=
          issue && legal && !misplaced ? unit : 10'd0;
    end
    if (start) starting <= 1'b1;
    if (begins) begin
      starting <= 1'b0;
      running  <= 1'b1;
      fetched  <= 1'b1;
    end
    if (running && x_valid && (fault || (stopping && ends))) begin
      running <= 1'b0;
      fetched <= 1'b0;
      x_valid <= 1'b0;
      {x_system, x_permute, x_shift, x_lanes, x_store, x_load, x_multiply, x_divide, x_jump, x_alu} <= 10'd0;
      if (fault) begin
        err_valid <= 1'b1;
        if (x_misplaced) begin
          err_code <= `CX_ERR_BAD_PC;
          err_info <= x_pc;
        end else if (x_illegal) begin
          err_code <= `CX_ERR_ILLEGAL_INSTRUCTION;
          err_info <= x_low;
        end else if (array_busy) begin
          err_code <= `CX_ERR_ARRAY_BUSY;
          err_info <= x_a[31:0];
        end else begin
          err_code <= `CX_ERR_PROGRAM_TRAP;
          err_info <= x_imm;
        end
      end else done <= 1'b1;
    end
    if (rst) begin
      running   <= 1'b0;
      starting  <= 1'b0;
      fetched   <= 1'b0;
      x_valid   <= 1'b0;
      x_first   <= 1'b0;
      done      <= 1'b0;
      err_valid <= 1'b0;
      err_code  <= 8'd0;
      err_info  <= 32'd0;
      pc        <= 32'd0;
      {x_system, x_permute, x_shift, x_lanes, x_store, x_load, x_multiply, x_divide, x_jump, x_alu} <= 10'd0;
    end
  end
endmodule
