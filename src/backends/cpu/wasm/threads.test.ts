import { beforeAll, describe, expect, test } from '@jest/globals';
import {
  type AnyNode,
  type OpName,
  Philox,
  ProgramBuilder,
  randomTensor,
  runProgram,
  type Tensor,
  tensorBytes,
} from '../../../ir/index.ts';
import { at, unwrap } from '../../../support/index.ts';
import type { Executable } from '../../backend.ts';
import { type AnyRule, type Context, type Emit, rowsOf, SIMD_ROWS } from '../simd/index.ts';
import { compileProgram, type CompileParts } from './compile.ts';
import { startWorkerThread, workerThreadsOf } from './node-worker.ts';
import { CONTROL } from './runtime/control.ts';
import type { StartWorker, Worker } from './runtime/crew.ts';
import { WORKER_SOURCE } from './runtime/worker-source.ts';
import { wasmBackend } from './index.ts';

beforeAll(() => wasmBackend.prepare?.());

const SIZE = 1000;

/** y = x + 1 modulo 256 in the elements of each thread, with a round through memory of the thread's own. */
const increment = (ctx: Context, node: AnyNode): Emit => {
  const [from, to, own] = [ctx.use(at(node.operands, 0)), ctx.use(at(node.results, 0)), ctx.temporary(64, { each: true })];
  ctx.divide();
  return (f) => {
    const { add, mul, div_u } = f.ops.i32;
    const place = f.i32(add(own.address, mul(f.arg(0), 64)));
    const end = f.i32(div_u(mul(SIZE, add(f.arg(0), 1)), f.arg(1)));
    const i = f.i32(div_u(mul(SIZE, f.arg(0)), f.arg(1)));
    f.while(
      () => f.ops.i32.lt_u(i, end),
      () => {
        f.store('i8', place, f.load('i8', add(from.address, i)));
        f.store('i8', add(to.address, i), add(f.load('i8', place), 1));
        f.inc(i, 1);
      },
    );
  };
};

/** Clamps to one value stand for increments; the others stay what they are. */
const clamp: AnyRule = (ctx, node) =>
  node.op === 'clamp' && node.attrs['lo'] === node.attrs['hi'] ? increment(ctx, node) : serial(ctx, node);
const serial: AnyRule = (ctx, node) => (SIMD_ROWS.get('clamp') ?? increment)(ctx, node);
const rows = rowsOf(new Map<OpName, AnyRule>([...SIMD_ROWS, ['clamp', clamp]]));
const STANDS_FOR_INCREMENT = { lo: 0, hi: 0 };

/** Runs of parallel steps of several lengths with serial ones between; the last step is parallel. */
const program = (() => {
  const b = new ProgramBuilder('mixed');
  let x = b.input('x', { dtype: 'i8', shape: [SIZE] });
  for (const length of [1, 3, 0, 2]) {
    for (let i = 0; i < length; i++) x = b.emit('clamp', [x], STANDS_FOR_INCREMENT);
    x = b.emit('clamp', [x], { lo: -100, hi: 110 });
    x = b.emit('clamp', [x], { lo: -101, hi: 90 });
  }
  b.output('y', b.emit('clamp', [x], STANDS_FOR_INCREMENT));
  return b.finish();
})();

const input = (seed: number): Tensor => randomTensor({ dtype: 'i8', shape: [SIZE] }, new Philox(seed));

/** What the program gives. */
const expected = (x: Tensor): readonly number[] =>
  Array.from(x.data, (v) => {
    const wrap = (n: number): number => (n << 24) >> 24;
    let y = v;
    for (const length of [1, 3, 0, 2]) {
      for (let i = 0; i < length; i++) y = wrap(y + 1);
      y = Math.min(Math.max(y, -100), 90);
    }
    return wrap(y + 1);
  });

const CASES = [0, 1, 2, 3].map((seed) => ({ x: input(seed), want: expected(input(seed)) }));

const compile = (threads: number, parts: CompileParts = {}): Executable => unwrap(compileProgram(program, { threads }, { rows, ...parts }));

const runsRight = (executable: Executable, runs: number): void => {
  for (let seed = 0; seed < runs; seed++) {
    const { x, want } = at(CASES, seed % CASES.length);
    const [y] = executable.run([x]);
    if (y === undefined || want.some((v, i) => v !== y.data[i])) throw new Error(`run ${seed} differs`);
  }
};

/** Calls until a condition holds; the caller's thread does nothing else, as in a real program. */
const eventually = (holds: () => boolean, body: () => void): void => {
  const end = performance.now() + 20_000;
  while (!holds() && performance.now() < end) body();
  expect(holds()).toBe(true);
};

const soon = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms));

/** A worker that counts itself in as a real one does, and then does what `then` says instead of working. */
const impostor = (then: string): StartWorker =>
  workerThreadsOf(
    WORKER_SOURCE.replace('exports.work();', `Atomics.add(new Int32Array(memory.buffer), (control + ${CONTROL.joined}) / 4, 1); ${then}`),
  );

describe('threads', () => {
  test.each([1, 2, 3, 5])('%i threads give the same bytes, run after run', (threads) => {
    const executable = compile(threads);
    runsRight(executable, 300);
    expect(executable.warnings).toEqual([]);
    executable.close?.();
  });
  test('threads do come and take part, also those that were sent away from another program before they had come', () => {
    compile(3).close?.();
    let seen = 1;
    let control: Int32Array | undefined;
    const watched: StartWorker = () => {
      const worker = startWorkerThread();
      const post: Worker['post'] = (task) => {
        control = new Int32Array(task.memory.buffer, task.control);
        worker.post(task);
      };
      return { post, onLost: (tell) => worker.onLost(tell), release: () => worker.release(), terminate: () => worker.terminate() };
    };
    const executable = compile(3, { startWorker: watched });
    eventually(
      () => seen === 3,
      () => {
        executable.run([input(1)]);
        seen = control === undefined ? 0 : Atomics.load(control, CONTROL.work / 4) & 255;
      },
    );
    executable.close?.();
  });
  test('a real program on two threads', () => {
    const b = new ProgramBuilder('real');
    const x = b.input('x', { dtype: 'i8', shape: [1, 8, 12, 12] });
    const w = b.param('w', randomTensor({ dtype: 'i8', shape: [16, 8, 3, 3] }, new Philox(2)));
    b.output('y', b.emit('conv', [x, w], { stride: [1, 1], dilation: [1, 1], pads: [1, 1, 1, 1], groups: 1, pad_value: 0 }));
    const real = b.finish();
    const given = randomTensor({ dtype: 'i8', shape: [1, 8, 12, 12] }, new Philox(3));
    const executable = unwrap(wasmBackend.compile(real, { threads: 2 }));
    const [want] = runProgram(real, [given]);
    for (let i = 0; i < 50; i++) {
      const [got] = executable.run([given]);
      expect(got === undefined || want === undefined ? 1 : Buffer.compare(tensorBytes(got), tensorBytes(want))).toBe(0);
    }
    executable.close?.();
  });
  test('a program without threads has memory of its own, and views of it', () => {
    expect(compile(1).look).toBeDefined();
    const executable = compile(2);
    expect(executable.look).toBeUndefined();
    const [y] = executable.run([input(1)]);
    expect(Object.prototype.toString.call(y?.data.buffer)).toBe('[object ArrayBuffer]');
    executable.close?.();
  });
  test('a closed executable does not run', () => {
    const executable = compile(2);
    executable.close?.();
    expect(() => executable.run([input(1)])).toThrow('closed');
  });
});

describe('threads that fail', () => {
  test('none can be started: a warning and the same bytes', () => {
    const executable = compile(3, {
      startWorker: () => {
        throw new Error('no more threads');
      },
    });
    runsRight(executable, 3);
    expect(executable.warnings).toMatchObject([
      { code: 'BKD0010', severity: 'warning', message: '2 of 3 threads did not start: no more threads' },
    ]);
  });
  test('one throws before it comes', async () => {
    const executable = compile(2, {
      startWorker: workerThreadsOf(WORKER_SOURCE.replace('let came', 'throw new Error("no memory"); let came')),
    });
    runsRight(executable, 3);
    for (let i = 0; i < 200 && executable.warnings?.length === 0; i++) await soon(50);
    expect(executable.warnings).toMatchObject([{ code: 'BKD0010', message: '1 of 2 threads did not start: Error: no memory' }]);
    runsRight(executable, 3);
    executable.close?.();
  });
  test.each([
    ['ends in a step', 'throw new Error("out of memory");'],
    ['stays away', 'Atomics.wait(new Int32Array(memory.buffer), control / 4 + 1000, 0, 60000);'],
  ])('one %s: the run is repeated alone, with a warning', (_, then) => {
    const executable = compile(2, { startWorker: impostor(then), patience: 3 });
    eventually(
      () => executable.warnings?.length === 1,
      () => runsRight(executable, 1),
    );
    expect(executable.warnings).toMatchObject([
      { code: 'BKD0011', severity: 'warning', message: expect.stringContaining('lost during the run') },
    ]);
    runsRight(executable, 5);
    executable.close?.();
  });
  test('one ends between runs: later runs do not wait for it', async () => {
    const ended: (() => void)[] = [];
    const executable = compile(3, {
      startWorker: () => {
        const worker = startWorkerThread();
        ended.push(() => worker.terminate());
        return worker;
      },
    });
    runsRight(executable, 100);
    ended[0]?.();
    await soon(300);
    runsRight(executable, 10);
    executable.close?.();
  });
  test('without SharedArrayBuffer it runs on one thread, and says so', () => {
    const { SharedArrayBuffer: kept } = globalThis;
    try {
      Reflect.deleteProperty(globalThis, 'SharedArrayBuffer');
      const executable = compile(2);
      runsRight(executable, 2);
      expect(executable.warnings).toMatchObject([{ code: 'BKD0010', message: expect.stringContaining('SharedArrayBuffer') }]);
    } finally {
      globalThis.SharedArrayBuffer = kept;
    }
  });
});

test('profile runs each step once and tells its time and place', () => {
  const executable = compile(1);
  const x = input(7);
  const times = executable.profile?.([x]) ?? [];
  expect(times.map((t) => t.op)).toEqual(program.nodes.map((n) => n.op));
  expect(times.every((t) => t.milliseconds >= 0 && t.macs === 0)).toBe(true);
  expect(Array.from(executable.look?.([x])[0]?.data ?? [])).toEqual(expected(x));
});
