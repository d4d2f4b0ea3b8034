/** A bug planted in the Verilog of the dataflow mode: `find` stands exactly once in the file. */
export interface DataflowMutation {
  readonly name: string;
  /** In src/backends/fpga/dataflow/rtl. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
  /** A network of the dataflow mode's tests that shows it, at cycles per frame. */
  readonly network: 'line' | 'corners' | 'residual';
  readonly target: number;
}

const line = { network: 'line', target: 600 } as const;
const corners = { network: 'corners', target: 2000 } as const;
const fast = { network: 'corners', target: 700 } as const;
const residual = { network: 'residual', target: 1200 } as const;

export const DATAFLOW_MUTATIONS: readonly DataflowMutation[] = [
  {
    name: 'a pixel is read one too early',
    file: 'cxd_window.v',
    find: 'wire there = arrived > newest;',
    replace: 'wire there = arrived >= newest;',
    ...line,
  },
  {
    name: 'the ring takes a pixel too many',
    file: 'cxd_window.v',
    find: '(arrived - gone) < CAPACITY',
    replace: '(arrived - gone) <= CAPACITY',
    ...line,
  },
  {
    name: 'the first column of padding is read',
    file: 'cxd_window.v',
    find: 'column >= ZERO && column < X_END;',
    replace: 'column >= -ONE && column < X_END;',
    ...line,
  },
  {
    name: 'the column after the last is no padding',
    file: 'cxd_window.v',
    find: 'column >= ZERO && column < X_END;',
    replace: 'column >= ZERO && column <= X_END;',
    ...line,
  },
  {
    name: 'every group reads the first one',
    file: 'cxd_window.v',
    find: '(member == GROUP_LAST ? base + BASE_STEP : base)',
    replace: 'base',
    ...line,
  },
  {
    name: 'frames begin at a place too far on',
    file: 'cxd_window.v',
    find: 'move = frame_end ? BY_F',
    replace: 'move = frame_end ? BY_Y',
    ...corners,
  },
  { name: 'a queue wraps one word late', file: 'cxd_fifo.v', find: 'LAST_I = DEPTH - 1;', replace: 'LAST_I = DEPTH;', ...fast },
  { name: 'a full queue takes one more word', file: 'cxd_fifo.v', find: 'FULL_I = DEPTH;', replace: 'FULL_I = DEPTH + 1;', ...fast },
  {
    name: 'credit for more results than the queue holds',
    file: 'cxd_layer.v',
    find: 'ROOM_I = QUEUE;',
    replace: 'ROOM_I = QUEUE + 4;',
    ...fast,
  },
  { name: 'rescale does not round', file: 'cxd_requant.v', find: 'rounded = v5 + V_ONE;', replace: 'rounded = v5;', ...line },
  {
    name: 'the upper half of a sum has no sign',
    file: 'cxd_requant.v',
    find: 't_high = {t1[31], t1[31:16]}',
    replace: "t_high = {1'b0, t1[31:16]}",
    ...line,
  },
  {
    name: 'what does not fit is cut off',
    file: 'cxd_requant.v',
    find: 'v5 <= fits ? fine[VW-1:0] : (fine[PW-1] ? LEAST : MOST);',
    replace: 'v5 <= fine[VW-1:0];',
    ...line,
  },
  { name: 'u8 is taken as signed', file: 'cxd_dot.v', find: 'SIGNED != 0 && tap_data', replace: 'tap_data', ...corners },
  {
    name: 'a sum goes on from the window before',
    file: 'cxd_dot.v',
    find: "(f4 ? {AW{1'b0}} : sum) + total",
    replace: 'sum + total',
    ...line,
  },
  {
    name: 'cells of a mean in padding are counted',
    file: 'cxd_lanes.v',
    find: "{{(NB - 1) {1'b0}}, c4}",
    replace: "{{(NB - 1) {1'b0}}, 1'b1}",
    ...corners,
  },
  {
    name: 'the first value of a maximum is kept out',
    file: 'cxd_lanes.v',
    find: 'v4 && (f4 || term > sum)',
    replace: 'v4 && term > sum',
    ...corners,
  },
  { name: 'results leave in another order', file: 'cxd_drain.v', find: 'rest <= rest >> (NQ * AW)', replace: 'rest <= rest', ...residual },
  { name: 'addition rounds down', file: 'cxd_add.v', find: 'rounded = sum + HALF;', replace: 'rounded = sum;', ...corners },
  {
    name: 'addition takes one operand alone',
    file: 'cxd_add.v',
    find: 'both = a_valid && b_valid;',
    replace: 'both = a_valid;',
    ...residual,
  },
  {
    name: 'a reader of a fork gets a word twice',
    file: 'cxd_fork.v',
    find: '{N{in_valid}} & ~taken;',
    replace: '{N{in_valid}};',
    ...fast,
  },
  {
    name: 'softmax keeps the least value',
    file: 'cxd_softmax.v',
    find: 'place == 0 || x > greatest',
    replace: 'place == 0 || x < greatest',
    ...residual,
  },
];
