import { loadBackend } from '../../src/backends/index.ts';
import { parseMrl } from '../../src/frontend/mrl/index.ts';
import {
  elementCount,
  isStaticType,
  Philox,
  type Program,
  programCost,
  randomTensor,
  type StaticType,
  type Tensor,
  typeOf,
} from '../../src/ir/index.ts';
import { at, unwrap } from '../../src/support/index.ts';
import { FORMS, type Form } from '../endorphin/forms.ts';
import { attempt, type Bench, type Suite } from '../rows.ts';

/** How many times dearer than a convolution network an op may be for what it costs: docs/endorphin.md. */
const GOAL = 20;
/** Units a nanosecond of the network that the goal is about, digits: 0.025 ns a unit on the core of docs/endorphin.md, 2.8 times its best convolution. */
const NETWORK = 2.8;
const BASE = 'conv i8 3x3 64ch';
const SEED = 11;
const RUNS = 200;

const parse = (body: string): Program => unwrap(parseMrl(`mrl 1;\nmodel form { ${body} }`, { file: 'form.mrl' })).program;

const valuesOf = (type: StaticType, random: Philox): Tensor =>
  type.dtype === 'f32'
    ? randomTensor(type, random, -1, 7)
    : randomTensor(type, random, ...(type.dtype === 'bool' ? ([0, 1] as const) : ([-100, 99] as const)));

/** The body with values for its parameters, and a float output summed: what is brought out of the program is no work of the op. */
const filled = (body: string, random: Philox): string => {
  const whole = body.replace(/param (\w+): (\w+)\[([\d,]+)\];/g, (_, name: string, dtype: string, dims: string) => {
    const type = { dtype, shape: dims.split(',').map(Number) } as StaticType;
    const text = Array.from(valuesOf(type, random).data, (v) => (dtype === 'f32' && Number.isInteger(v) ? `${v}.0` : String(v)));
    return `param ${name}: ${dtype}[${dims}] = [${text.join(',')}];`;
  });
  const program = parse(whole);
  const [output] = program.outputs;
  const type = output === undefined ? undefined : typeOf(program, output.value);
  if (type?.dtype !== 'f32' || type.shape.length === 0) return whole;
  const axes = type.shape.map((_, i) => i).join(', ');
  return whole.replace(/output y = ([^;]+);/, `let q = $1; output y = reduce_sum(q, axes: [${axes}]);`);
};

/** Nanoseconds of a unit of cost, the best of many runs. */
const measure = async (backend: string, [, body]: Form, milliseconds: number): Promise<number> => {
  const random = new Philox(SEED);
  const program = parse(filled(body, random));
  const executable = unwrap(unwrap(await loadBackend(backend)).compile(program));
  const inputs = program.inputs.map(({ value }) => {
    const type = typeOf(program, value);
    return isStaticType(type) && elementCount(type.shape) > 0 ? valuesOf(type, random) : at([] as Tensor[], 0);
  });
  for (let i = 0; i < 3; i++) executable.run(inputs);
  let best = Number.POSITIVE_INFINITY;
  const end = performance.now() + milliseconds;
  for (let i = 0; i < RUNS && (i < 5 || performance.now() < end); i++) {
    const started = performance.now();
    executable.run(inputs);
    best = Math.min(best, performance.now() - started);
  }
  executable.close?.();
  return (best * 1e6) / Math.max(1, programCost(program));
};

const run = async (bench: Bench): Promise<void> => {
  for (const backend of bench.quick ? ['wasm'] : ['wasm', 'native']) {
    const milliseconds = bench.quick ? 60 : 250;
    const [base] = FORMS.filter(([name]) => name === BASE);
    if (base === undefined) return;
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
