import type { Mutation } from './mutation.ts';

const bench = 'processor';

/** Results of instructions. */
const results: readonly Mutation[] = [
  {
    name: 'an arithmetic shift of 32 bits takes the sign of 64',
    file: 'rtl/cx_alu.v',
    find: 'arithmetic && (shift64 ? a[63] : a[31])',
    replace: 'arithmetic && a[63]',
    bench,
  },
  {
    name: 'a comparison of signed numbers is one of unsigned',
    file: 'rtl/cx_alu.v',
    find: 'a[63] == b[63] ? below : a[63]',
    replace: 'below',
    bench,
  },
  {
    name: 'a 64-bit sum of vectors has no carry between its halves',
    file: 'rtl/cx_valu.v',
    find: 'joined ? carry_out[i-1] : subtract',
    replace: 'subtract',
    bench,
  },
  {
    name: 'a quotient by 0 is all ones',
    file: 'rtl/cx_proc_divide.v',
    after: 'remainder <= quotient;\n            quotient  <= ',
    find: "64'd0",
    replace: "64'hffffffffffffffff",
    bench,
  },
  {
    name: 'vext32 takes another lane',
    file: 'rtl/cx_valu_permute.v',
    find: 'lane[0] ? half_of_a[63:32] : half_of_a[31:0]',
    replace: 'lane[1] ? half_of_a[63:32] : half_of_a[31:0]',
    bench,
  },
  {
    name: 'narrowing to unsigned bytes saturates as to signed',
    file: 'rtl/cx_valu_permute.v',
    find: "to_unsigned ? x_top[8:1] != 8'd0 : x_top != {9{x[15]}}",
    replace: 'x_top != {9{x[15]}}',
    bench,
  },
  {
    name: 'no interlock: a scalar operand is read before it is written',
    file: 'rtl/cx_proc.v',
    find: 'write && x_rd == rc ? result : reg_c',
    replace: 'reg_c',
    bench,
  },
  {
    name: 'no interlock: a vector operand is read before it is written',
    file: 'rtl/cx_proc.v',
    find: 'vwrite && x_rd == rb ? vresult : reg_vb',
    replace: 'reg_vb',
    bench,
  },
];

/** The data cache. */
const cache: readonly Mutation[] = [
  {
    name: 'an access with one byte in the next line does not go there',
    file: 'rtl/cx_dcache.v',
    find: "end_in_line[6] && end_in_line[5:0] != 6'd0",
    replace: "end_in_line[6] && end_in_line[5:1] != 5'd0",
    bench,
  },
  {
    name: 'a store to an even line does not make it dirty',
    file: 'rtl/cx_dcache.v',
    find: "even_dirty_row | (8'd1 << at_even[9:7])",
    replace: 'even_dirty_row',
    bench,
  },
  {
    name: 'a dirty line is written back to the address of the new one',
    file: 'rtl/cx_dcache.v',
    find: "{old_tag, victim, 6'd0}",
    replace: "{victim_tag, victim, 6'd0}",
    bench,
  },
  {
    name: 'a flush ends before the memory has answered',
    file: 'rtl/cx_dcache.v',
    find: 'state == DRAIN && all_answered',
    replace: 'state == DRAIN',
    bench,
  },
];

export const processorMutations: readonly Mutation[] = [...results, ...cache];
