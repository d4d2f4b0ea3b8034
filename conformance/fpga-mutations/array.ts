import type { Mutation } from './mutation.ts';

const bench = 'array of 8 bits';

/** Counters and addresses. */
const walks: readonly Mutation[] = [
  { name: 'a tap too many in a row of the window', file: 'rtl/cx_conv_issue.v', find: "n_kx == 8'd2", replace: "n_kx == 8'd1", bench },
  { name: 'a column of outputs too many', file: 'rtl/cx_conv_issue.v', find: "n_x == 16'd2", replace: "n_x == 16'd1", bench },
  {
    name: 'the column after the last is no padding',
    file: 'rtl/cx_conv_issue.v',
    find: "at < {1'b0, cmd[`CX_COMPUTE_WIDTH]}",
    replace: "at <= {1'b0, cmd[`CX_COMPUTE_WIDTH]}",
    bench,
  },
  {
    name: 'the row after the last is no padding',
    file: 'rtl/cx_conv_issue.v',
    find: "row < {1'b0, cmd[`CX_COMPUTE_HEIGHT]}",
    replace: "row <= {1'b0, cmd[`CX_COMPUTE_HEIGHT]}",
    bench,
  },
  {
    name: 'depthwise: weights of the next entry after 15 taps',
    file: 'rtl/cx_conv_issue.v',
    find: "weight_tap == 4'd15",
    replace: "weight_tap == 4'd14",
    bench,
  },
  {
    name: 'the stride of rows is taken for planes',
    file: 'rtl/cx_walk.v',
    find: 'z0 ? (z1 ? stride_2 : stride_1) : stride_0',
    replace: 'z0 ? stride_1 : stride_0',
    bench,
  },
  {
    name: 'a row of whole bursts has an empty one',
    file: 'rtl/cx_bursts.v',
    find: 'left <= burst',
    after: 'whole = ',
    replace: 'left < burst',
    bench,
  },
  {
    name: 'groups of raw sums in the opposite order',
    file: 'rtl/cx_conv_out.v',
    find: "{14'd0, n[1:0]}",
    replace: "{14'd0, ~n[1:0]}",
    bench,
  },
];

/** Sums, rescales and bytes. */
const values: readonly Mutation[] = [
  { name: 'rescale does not round', file: 'rtl/cx_requant.v', after: 'rounded = ', find: "v5 + 13'sd1", replace: 'v5', bench },
  {
    name: 'what does not fit after the shift is cut off',
    file: 'rtl/cx_requant.v',
    find: "fits ? fine[12:0] : (fine[47] ? -13'sd2048 : 13'sd2047)",
    replace: 'fine[12:0]',
    bench,
  },
  {
    name: 'the zero point has no sign',
    file: 'rtl/cx_requant.v',
    find: '{{5{zero[7]}}, zero}',
    replace: "{5'd0, zero}",
    bench,
  },
  {
    name: 'a sum has the zero point of the other operand',
    file: 'rtl/cx_add_rescale.v',
    find: '{b[7], b} - {zero_b[7], zero_b}',
    replace: '{b[7], b} - {zero_a[7], zero_a}',
    bench,
  },
  { name: 'bytes are added without sign', file: 'rtl/cx_lane.v', find: '{{ACC - 8{x5[7]}}, x5}', replace: "{{ACC - 8{1'b0}}, x5}", bench },
  {
    name: 'the first byte of a maximum counts only if it is greater',
    file: 'rtl/cx_lane.v',
    find: 'first5 | x5 > kept',
    replace: 'x5 > kept',
    bench,
  },
  {
    name: 'sums go on from those of the command before',
    file: 'rtl/cx_lane.v',
    find: "first5 ? {ACC{1'b0}} : acc",
    replace: 'acc',
    bench,
  },
  {
    name: 'a command that goes on with held sums clears them',
    file: 'rtl/cx_conv.v',
    find: 'first0 & !cmd[`CX_COMPUTE_RESUME]',
    replace: 'first0',
    bench,
  },
  {
    name: 'packed products: the upper lane lacks the borrow of the lower',
    file: 'rtl/cx_dot_pair.v',
    find: "s[F+H-1:F] + {{H - 1{1'b0}}, s[F-1]}",
    replace: 's[F+H-1:F]',
    bench: 'array of 6 bits',
  },
];

/** Queues, memories, and the order of commands. */
const order: readonly Mutation[] = [
  {
    name: 'a burst too many is asked for: the queue of loads overflows',
    file: 'rtl/cx_load.v',
    find: "reserved <= 8'd64",
    replace: "reserved <= 8'd127",
    bench,
  },
  { name: 'the queue of stores overflows', file: 'rtl/cx_store.v', find: 'reading & !held[4]', replace: 'reading', bench },
  {
    name: 'data are written before they are in the queue of stores',
    file: 'rtl/cx_store.v',
    find: "!empty & left != 7'd0",
    replace: "left != 7'd0",
    bench,
  },
  {
    name: 'a computation waits for a load too few',
    file: 'rtl/cx_commands.v',
    find: 'done_load >= compute[`CX_LOAD_WAIT_LOAD]',
    replace: "done_load + 16'd1 >= compute[`CX_LOAD_WAIT_LOAD]",
    bench,
  },
  {
    name: 'a load and a result write one bank at once',
    file: 'rtl/cx_scratch.v',
    find: '!cw_en | cw_bank != lw_bank',
    replace: "1'b1",
    bench,
  },
  {
    name: 'a load may end a beat behind its memory',
    file: 'rtl/cx_load.v',
    find: "{2'd0, wa} >= limit",
    replace: "{2'd0, wa} > limit",
    bench,
  },
];

const groups = 'array of 6 bits';

/** Groups of lanes, and inputs in turns. */
const sizes: readonly Mutation[] = [
  {
    name: 'columns behind the end of a row are written',
    file: 'rtl/cx_conv_out.v',
    find: 'beat_valid & live[0]',
    replace: 'beat_valid',
    bench: groups,
  },
  { name: 'all groups read the column of the first', file: 'rtl/cx_conv_issue.v', find: 'a + input_skip', replace: 'a', bench: groups },
  {
    name: 'all groups have the padding of the first',
    file: 'rtl/cx_conv_issue.v',
    find: 'column + column_skip',
    replace: 'column',
    bench: groups,
  },
  {
    name: 'a store takes what the compute unit reads',
    file: 'rtl/cx_array.v',
    find: 'copy_sr_ready & ~ahead',
    replace: 'copy_sr_ready',
    bench: groups,
  },
  {
    name: 'all turns have the weights of the first',
    file: 'rtl/cx_conv.v',
    find: 'entry1[turn1*WW+:VI*WW]',
    replace: 'entry1[0+:VI*WW]',
    bench: 'array of 8 inputs',
  },
];

export const arrayMutations: readonly Mutation[] = [...walks, ...values, ...order, ...sizes];
