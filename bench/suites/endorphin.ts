import { loadBackend } from '../../src/backends/index.ts';
import { parseMrl } from '../../src/frontend/mrl/index.ts';
import { Philox, type Program, programCost, randomTensor, type StaticType, type Tensor, typeOf } from '../../src/ir/index.ts';
import { invariant, unwrap } from '../../src/support/index.ts';
import { FORMS, type Form } from '../endorphin/forms.ts';
import { attempt, type Bench, type Suite } from '../rows.ts';

/** How many times dearer than a convolution network an op may be for what it costs: docs/endorphin.md. */
const GOAL = 20;
/** A unit of a convolution network (examples/digits as a whole) takes so many times as long as one of the base: 0.025 and 0.009 ns. */
const NETWORK = 2.8;
const BASE = 'conv i8 3x3 64ch';
const SEED = 11;
const RUNS = 200;

const parse = (body: string): Program => unwrap(parseMrl(`mrl 1;\nmodel form { ${body} }`, { file: 'form.mrl' })).program;

const valuesOf = (type: StaticType, random: Philox): Tensor =>
  type.dtype === 'f32'
    ? randomTensor(type, random, -1, 7)
    : randomTensor(type, random, ...(type.dtype === 'bool' ? ([0, 1] as const) : ([-100, 99] as const)));

const withValues = (body: string, random: Philox): string =>
  body.replace(/param (\w+): (\w+)\[([\d,]+)\];/g, (_, name: string, dtype: string, dims: string) => {
    const type = { dtype, shape: dims.split(',').map(Number) } as StaticType;
    const text = Array.from(valuesOf(type, random).data, (v) => (dtype === 'f32' && Number.isInteger(v) ? `${v}.0` : String(v)));
    return `param ${name}: ${dtype}[${dims}] = [${text.join(',')}];`;
  });

interface Timed {
  readonly nanoseconds: number;
  readonly units: number;
}

/** The best of many runs. */
const timeOf = async (backend: string, program: Program, milliseconds: number): Promise<Timed> => {
  const random = new Philox(SEED);
  const executable = unwrap(unwrap(await loadBackend(backend)).compile(program));
  const inputs = program.inputs.map(({ value }) => valuesOf(typeOf(program, value) as StaticType, random));
  for (let i = 0; i < 3; i++) executable.run(inputs);
  let best = Number.POSITIVE_INFINITY;
  const end = performance.now() + milliseconds;
  for (let i = 0; i < RUNS && (i < 5 || performance.now() < end); i++) {
    const started = performance.now();
    executable.run(inputs);
    best = Math.min(best, performance.now() - started);
  }
  executable.close?.();
  return { nanoseconds: best * 1e6, units: programCost(program) };
};

/**
 * Nanoseconds of a unit of an op. A float output is summed inside the program, since bringing it out takes longer than many ops do, and
 * time and units of the sum alone are taken off.
 */
const measure = async (backend: string, [, body]: Form, milliseconds: number): Promise<number> => {
  const whole = withValues(body, new Philox(SEED));
  const program = parse(whole);
  const type = program.outputs.map(({ value }) => typeOf(program, value)).find(() => true);
  if (type?.dtype !== 'f32' || type.shape.length === 0) {
    const { nanoseconds, units } = await timeOf(backend, program, milliseconds);
    return nanoseconds / Math.max(1, units);
  }
  const axes = type.shape.map((_, i) => i).join(', ');
  const summed = parse(whole.replace(/output y = ([^;]+);/, `let q = $1; output y = reduce_sum(q, axes: [${axes}]);`));
  const sum = parse(`input q: f32[${type.shape.join(', ')}]; output y = reduce_sum(q, axes: [${axes}]);`);
  const [both, alone] = [await timeOf(backend, summed, milliseconds), await timeOf(backend, sum, milliseconds)];
  return Math.max(0, both.nanoseconds - alone.nanoseconds) / Math.max(1, both.units - alone.units);
};

const run = async (bench: Bench): Promise<void> => {
  const base = FORMS.find(([name]) => name === BASE);
  invariant(base !== undefined, `${BASE} is not among the forms`);
  for (const backend of bench.quick ? ['wasm'] : ['wasm', 'native']) {
    const milliseconds = bench.quick ? 60 : 250;
    const unit = await measure(backend, base, milliseconds);
    bench.row({ name: `${BASE}, ${backend}`, value: unit, unit: 'ns a unit' });
    for (const form of FORMS.filter(([name]) => name !== BASE && bench.wants(name)))
      await attempt(bench, `${form[0]}, ${backend}`, async () => {
        const ratio = (await measure(backend, form, milliseconds)) / (unit * NETWORK);
        bench.row({
          name: `${form[0]}, ${backend}`,
          value: ratio,
          unit: 'x a unit of a network',
          ...(backend === 'wasm' ? { goal: `<= ${GOAL}`, met: ratio <= GOAL } : {}),
        });
      });
  }
};

/** `npm run bench -- endorphin` */
export const endorphin: Suite = { name: 'endorphin', summary: 'What a unit of cost takes, op by op, against a convolution network', run };
