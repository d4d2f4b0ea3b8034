import type { Mutation } from './mutation.ts';

const bench = 'control';

/** The memory port. */
const bus: readonly Mutation[] = [
  {
    name: 'a burst of reads may go a beat beyond 4 KiB',
    file: 'rtl/cx_axi_read.v',
    find: "9'd256 - {1'b0, from[7:0]}",
    replace: "9'd257 - {1'b0, from[7:0]}",
    bench,
  },
  {
    name: 'a burst of writes may go a beat beyond 4 KiB',
    file: 'rtl/cx_axi_write.v',
    find: "9'd256 - {1'b0, beat[7:0]}",
    replace: "9'd257 - {1'b0, beat[7:0]}",
    bench,
  },
  {
    name: 'a read may end a beat behind the limit',
    file: 'rtl/cx_axi_read.v',
    find: "{1'b0, addr} + {21'd0, len, 4'd0} + 33'd16 > {1'b0, bytes}",
    replace: "{1'b0, addr} + {21'd0, len, 4'd0} > {1'b0, bytes}",
    bench,
  },
  {
    name: 'a write may end a beat behind the limit',
    file: 'rtl/cx_axi_write.v',
    find: "{1'b0, chosen_addr} + {21'd0, chosen_len, 4'd0} + 33'd16",
    replace: "{1'b0, chosen_addr} + {21'd0, chosen_len, 4'd0}",
    bench,
  },
  {
    name: 'a burst that a reset ends writes its bytes',
    file: 'rtl/cx_axi_write.v',
    find: "drain ? 16'd0 : wd_strb[16*client +: 16]",
    replace: 'wd_strb[16*client +: 16]',
    bench,
  },
  {
    name: 'an error of a read is swallowed',
    file: 'rtl/cx_axi_read.v',
    find: "m_axi_rresp != 2'd0",
    replace: "m_axi_rresp == 2'd3",
    bench,
  },
  {
    name: 'an error of a write is swallowed',
    file: 'rtl/cx_axi_write.v',
    find: "m_axi_bresp != 2'd0",
    replace: "m_axi_bresp == 2'd3",
    bench,
  },
];

/** Control and registers. */
const control: readonly Mutation[] = [
  { name: 'wrong bit in the polynomial of the CRC', file: 'rtl/cx_crc.v', find: "32'hedb88320", replace: "32'hedb88330", bench },
  { name: 'an error of the array is swallowed', file: 'rtl/cx_ctrl.v', find: 'array_err_valid || late', replace: 'late', bench },
  { name: 'a reset does not wait for the bus', file: 'rtl/cx_ctrl.v', find: 'axi_idle && unit_rst', replace: 'unit_rst', bench },
  {
    name: 'a reset leaves the core busy',
    file: 'rtl/cx_ctrl.v',
    after: 'assign busy = ',
    find: 'state != IDLE',
    replace: 'state != IDLE || by_reset',
    bench,
  },
  {
    name: 'the time limit is one unit longer',
    file: 'rtl/cx_ctrl.v',
    find: 'cycles[31+`CX_TIMEOUT_SHIFT:`CX_TIMEOUT_SHIFT] >= timeout',
    replace: 'cycles[31+`CX_TIMEOUT_SHIFT:`CX_TIMEOUT_SHIFT] > timeout',
    bench,
  },
  {
    name: 'a register takes a write of some of its bytes',
    file: 'rtl/cx_regs.v',
    find: "s_axi_wstrb == 4'hf",
    replace: "s_axi_wstrb != 4'h0",
    bench,
  },
  {
    name: 'an interrupt cannot be cleared',
    file: 'rtl/cx_regs.v',
    find: 'irq_status & ~s_axi_wdata[2:0]',
    replace: 'irq_status',
    bench,
  },
];

export const controlMutations: readonly Mutation[] = [...bus, ...control];
