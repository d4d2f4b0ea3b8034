import type { Bug } from '../mutations/plant.ts';
import type { NetworkName } from './testing/networks.ts';

/** A bug planted in a kernel, in src/backends/gpu/cuda/kernels. */
export interface Mutation extends Bug {
  /** Networks that have to show it. */
  readonly networks: readonly NetworkName[];
}

const IGEMM = 'cxg_igemm.cuh';
const LOAD = 'cxg_igemm_load.cuh';
const FINISH = 'cxg_igemm_finish.cuh';
const WGMMA = 'cxg_igemm_wgmma.cuh';
const WINDOW = 'cxg_window.cuh';
const MAP = 'cxg_map.cuh';
const PACK = 'cxg_pack.cuh';
const COMMON = 'cxg_common.cuh';

const barriers: readonly Mutation[] = [
  {
    name: 'no barrier between copies of other threads and the products of a stage',
    file: IGEMM,
    find: '    cxg_syncthreads();\n    const int next = step + T::STAGES - 1;',
    replace: '    const int next = step + T::STAGES - 1;',
    networks: ['mma', 'dp4a'],
  },
  {
    name: 'the stage that is read is filled before the barrier',
    file: IGEMM,
    find: '    cxg_syncthreads();\n    const int next = step + T::STAGES - 1;\n    if (next < work.count) loader.copy(shared + writing * T::STAGE_BYTES, work.first + next);\n',
    replace:
      '    const int next = step + T::STAGES - 1;\n    if (next < work.count) loader.copy(shared + writing * T::STAGE_BYTES, work.first + next);\n    cxg_syncthreads();\n',
    networks: ['mma'],
  },
  {
    name: 'results are ordered while others still multiply',
    file: IGEMM,
    find: '  cxg_cp_async_wait<0>();\n  cxg_syncthreads();\n}',
    replace: '  cxg_cp_async_wait<0>();\n}',
    networks: ['mma'],
  },
  {
    name: 'results are stored before all are in order',
    file: FINISH,
    find: '  if (!BYTES) return;\n  cxg_syncthreads();\n',
    replace: '  if (!BYTES) return;\n',
    networks: ['mma'],
  },
  {
    name: 'a barrier that only the threads with products reach',
    file: FINISH,
    find: '  if (!BYTES) return;\n  cxg_syncthreads();\n',
    replace: '  if (!BYTES) return;\n  if (thread % 32 < 16) cxg_syncthreads();\n',
    networks: ['mma'],
  },
  {
    name: 'partial sums of positions are added up before they are there',
    file: WINDOW,
    find: '  cxg_syncthreads();\n  /* warp c adds up',
    replace: '  /* warp c adds up',
    networks: ['others'],
  },
  {
    name: 'a square is read back before it is written',
    file: PACK,
    find: '  cxg_syncthreads();\n  if (P::rows % 4 == 0) {',
    replace: '  if (P::rows % 4 == 0) {',
    networks: ['others'],
  },
];

const waits: readonly Mutation[] = [
  {
    name: 'copies are awaited one group too late',
    file: IGEMM,
    find: 'cxg_cp_async_wait<T::STAGES - 2>();',
    replace: 'cxg_cp_async_wait<T::STAGES - 1>();',
    networks: ['mma', 'dp4a'],
  },
  {
    name: 'a tile that was not started is not counted as a group',
    file: IGEMM,
    find: 'loader.copy(shared + s * T::STAGE_BYTES, work.first + s);\n    cxg_cp_async_commit();',
    replace: 'loader.copy(shared + s * T::STAGE_BYTES, work.first + s);\n    if (s == 0) cxg_cp_async_commit();',
    networks: ['mma'],
  },
  {
    name: 'wgmma: copies are awaited one group too late',
    file: WGMMA,
    find: 'cxg_cp_async_wait<T::STAGES - 3>();',
    replace: 'cxg_cp_async_wait<T::STAGES - 2>();',
    networks: ['wgmma'],
  },
  {
    name: 'wgmma: no fence between the proxies',
    file: WGMMA,
    find: '    cxg_fence_proxy_async();\n',
    replace: '',
    networks: ['wgmma'],
  },
  {
    name: 'wgmma: the fence between the proxies comes before the wait',
    file: WGMMA,
    find: '    cxg_cp_async_wait<T::STAGES - 3>();\n    /* the tensor cores read by another way than the copies were written */\n    cxg_fence_proxy_async();\n',
    replace: '    cxg_fence_proxy_async();\n    cxg_cp_async_wait<T::STAGES - 3>();\n',
    networks: ['wgmma'],
  },
  {
    name: 'wgmma: no barrier after the copies',
    file: WGMMA,
    find: '    cxg_fence_proxy_async();\n    cxg_syncthreads();\n',
    replace: '    cxg_fence_proxy_async();\n',
    networks: ['wgmma'],
  },
  {
    name: 'wgmma: a stage is filled while a product reads it',
    file: WGMMA,
    find: '    cxg_wgmma_wait<1>();\n',
    replace: '    cxg_wgmma_wait<2>();\n',
    networks: ['wgmma'],
  },
  {
    name: 'wgmma: sums are read before the last product is done',
    file: WGMMA,
    find: '  cxg_wgmma_wait<0>();\n',
    replace: '  cxg_wgmma_wait<1>();\n',
    networks: ['wgmma'],
  },
  {
    name: 'wgmma: no fence of the registers',
    file: WGMMA,
    find: '  cxg_wgmma_fence();\n',
    replace: '',
    networks: ['wgmma'],
  },
];

const places: readonly Mutation[] = [
  {
    name: 'wrong swizzle where weights are stored',
    file: LOAD,
    find: 'cxg_cp_async<16>(tile + r * T::BK + cxg_swizzle<T::BK>(r, chunk) * 16, from);',
    replace: 'cxg_cp_async<16>(tile + r * T::BK + chunk * 16, from);',
    networks: ['mma', 'dp4a', 'wgmma'],
  },
  {
    name: 'another swizzle of 128 bytes than that of wgmma',
    file: LOAD,
    find: 'chunk ^ (row & 7);',
    replace: 'chunk ^ (row >> 1 & 7);',
    networks: ['wgmma'],
  },
  {
    name: 'mma: columns of a lane are neighbours of one, not of two',
    file: IGEMM,
    find: 'column0 = warp % T::WN * (T::BN / T::WN) + lane % 4 * 2;',
    replace: 'column0 = warp % T::WN * (T::BN / T::WN) + lane % 4;',
    networks: ['mma'],
  },
  {
    name: 'mma: second and third sum of a lane swapped',
    file: IGEMM,
    find: '* 4 + r % 2 * 2 + c % 2; }',
    replace: '* 4 + r % 2 + c % 2 * 2; }',
    networks: ['mma'],
  },
  {
    name: 'mma: ldmatrix takes rows and chunks of weights in the order of pixels',
    file: IGEMM,
    find: '+ lane / 16 * 8 + lane % 8;\n    b_chunk = lane / 8 % 2;',
    replace: '+ lane % 16;\n    b_chunk = lane / 16;',
    networks: ['mma'],
  },
  {
    name: 'wgmma: the next 32 bytes of inner are the first again',
    file: WGMMA,
    find: 'cxg_wgmma_descriptor(weights + k)',
    replace: 'cxg_wgmma_descriptor(weights)',
    networks: ['wgmma'],
  },
  {
    name: 'wgmma: warps hold 8 rows after each other',
    file: WGMMA,
    find: '+ warp * 16 + lane / 4;',
    replace: '+ warp * 8 + lane / 4;',
    networks: ['wgmma'],
  },
  {
    name: 'depthwise: bytes of two channels swapped',
    file: WINDOW,
    find: 'v[1] = cxg_byte_perm(ab, cd, 0x7632);\n  v[2] = cxg_byte_perm(ef, gh, 0x5410);',
    replace: 'v[2] = cxg_byte_perm(ab, cd, 0x7632);\n  v[1] = cxg_byte_perm(ef, gh, 0x5410);',
    networks: ['others'],
  },
];

const bounds: readonly Mutation[] = [
  {
    name: 'the line after the last of an image is inside',
    file: LOAD,
    find: '(unsigned)(w.y + dy) < (unsigned)L::in_h',
    replace: '(unsigned)(w.y + dy) <= (unsigned)L::in_h',
    networks: ['mma', 'wgmma'],
  },
  {
    name: 'one pixel after the last is stored, channels last',
    file: FINISH,
    find: 'if (pixel0 + r >= PIXELS || channel0 + c >= L::out_group) continue;\n    cxg_bytes<WIDTH> v',
    replace: 'if (pixel0 + r > PIXELS || channel0 + c >= L::out_group) continue;\n    cxg_bytes<WIDTH> v',
    networks: ['mma', 'others'],
  },
  {
    name: 'channels after the last of a group are stored',
    file: FINISH,
    find: 'if (pixel >= PIXELS || channel0 + c >= L::out_group) continue;',
    replace: 'if (pixel >= PIXELS) continue;',
    networks: ['mma'],
  },
  {
    name: 'every group reads the first channels',
    file: LOAD,
    find: 'image = e.m + L::x + group * L::in_group;',
    replace: 'image = e.m + L::x;',
    networks: ['mma'],
  },
  {
    name: 'the last step of a split is left out',
    file: IGEMM,
    find: 'count = STEPS - first < PER_SPLIT ? STEPS - first : PER_SPLIT;',
    replace: 'count = STEPS - first < PER_SPLIT ? STEPS - first : PER_SPLIT - (L::splits > 1);',
    networks: ['mma'],
  },
  {
    name: 'a concatenated operand lies at the first channel',
    file: MAP,
    find: '* P::y_pitch + P::y_first + c',
    replace: '* P::y_pitch + c',
    networks: ['others'],
  },
];

const values: readonly Mutation[] = [
  {
    name: 'wrong shift of the narrow rescale',
    file: COMMON,
    find: '>> (shift - 16); }',
    replace: '>> (shift - 17); }',
    networks: ['mma'],
  },
  {
    name: 'the narrow rescale rounds down',
    file: COMMON,
    find: '(cxg_mulhi(x, high) + (1 << (shift - 17)))',
    replace: 'cxg_mulhi(x, high)',
    networks: ['mma'],
  },
  {
    name: 'the wide rescale rounds down',
    file: COMMON,
    find: ' + ((int64_t)1 << (shift - 1))',
    replace: '',
    networks: ['mma'],
  },
  {
    name: 'padding holds 0 instead of pad_value',
    file: LOAD,
    find: 'cxg_same<L::piece>(L::pad)',
    replace: 'cxg_same<L::piece>(0)',
    networks: ['mma'],
  },
  {
    name: 'sums of a split layer are left for the next run',
    file: FINISH,
    find: '  CXG_UNROLL for (int i = 0; i < PARTS * EACH; i++) place[i * T::THREADS] = 0;\n',
    replace: '',
    networks: ['mma'],
  },
  {
    name: 'the counter of a split tile is left for the next run',
    file: FINISH,
    find: '  if (thread == 0) ((int *)(void *)(e.m + L::counters))[tile] = 0;\n',
    replace: '',
    networks: ['mma'],
  },
  {
    name: 'the last but one block finishes a split tile',
    file: FINISH,
    find: '*arrived == L::splits - 1',
    replace: '*arrived == L::splits - 2',
    networks: ['mma'],
  },
  {
    name: 'a mean rounds towards zero',
    file: WINDOW,
    find: 'return q - (n % d < 0 ? 1 : 0);',
    replace: 'return q;',
    networks: ['others'],
  },
  {
    name: 'the smallest byte of a maximum is 0',
    file: WINDOW,
    find: 'best[c] = -128;',
    replace: 'best[c] = 0;',
    networks: ['others'],
  },
  {
    name: 'a table is read one entry too early',
    file: MAP,
    find: 'x.get(b) + 128]',
    replace: 'x.get(b) + 127]',
    networks: ['others'],
  },
  {
    name: 'a weighted sum is not rounded',
    file: MAP,
    find: 'sums[b] = 1 << (P::shift - 1);',
    replace: 'sums[b] = 0;',
    networks: ['others'],
  },
];

/** What one gets wrong when one writes GPU kernels by hand. */
export const MUTATIONS: readonly Mutation[] = [...barriers, ...waits, ...places, ...bounds, ...values];

/** One of each kind, for the tests. */
export const QUICK: readonly string[] = [
  'wgmma: no fence between the proxies',
  'results are stored before all are in order',
  'wrong shift of the narrow rescale',
];
