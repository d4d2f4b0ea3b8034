import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { printProgram, type Program, runProgram, type Tensor } from '../../ir/index.ts';
import { type ParamSource, parseMrl } from './index.ts';

const compile = (text: string, params?: ParamSource): Program => {
  const result = parseMrl(text, { file: 'm.mrl', params });
  if (!result.ok) throw new Error(result.diagnostics.map((d) => `${d.span?.line}: ${d.code} ${d.message}`).join('\n'));
  return result.value.program;
};
const i32 = (data: readonly number[], shape: readonly number[] = [data.length]): Tensor => ({
  dtype: 'i32',
  shape,
  data: Int32Array.from(data),
});
const scalar = (v: number): Tensor => i32([v], []);
/** Outputs by name. */
const evaluate = (text: string, inputs: readonly Tensor[] = [], params?: ParamSource): Record<string, readonly number[]> => {
  const program = compile(text, params);
  return Object.fromEntries(runProgram(program, inputs).map((t, i) => [program.outputs[i]?.name ?? '', Array.from(t.data)]));
};
/** A model of these statements with these queries as its outputs. */
const ask = (model: string, queries: Readonly<Record<string, string>>): Record<string, readonly number[]> => {
  const asked = Object.entries(queries).map(([name, q]) => `query ${name} = ${q}; output ${name} = ${name};`);
  return evaluate(`mrl 1; model m { ${model} ${asked.join(' ')} }`);
};
const Q15 = 2 ** 15;
const Q12 = 2 ** 12;
/** Probability of the second state, to three digits. */
const yes = (p: readonly number[] | undefined): number => Math.round(((p?.[1] ?? 0) / Q15) * 1000) / 1000;

describe('published networks', () => {
  test('Asia: the marginals of Lauritzen and Spiegelhalter 1988', () => {
    const text = readFileSync('examples/asia.mrl', 'utf8');
    const upTo = text.slice(text.indexOf('model asia'), text.indexOf('  // Before any finding'));
    const names = ['Asia', 'Smoker', 'Tuberculosis', 'Cancer', 'Bronchitis', 'Either', 'Xray', 'Dyspnoea'];
    const queries = names.map((n) => `query p${n} = marginal ${n}; output ${n} = p${n};`).join('\n');
    const out = evaluate(`mrl 1; ${upTo} ${queries} }`, [scalar(0), scalar(0)]);
    expect(names.map((n) => yes(out[n]))).toEqual([0.01, 0.5, 0.01, 0.055, 0.45, 0.065, 0.11, 0.436]);
  });

  test('Asia with findings at run time, as an example: exact enumeration over the 2^8 states', () => {
    const p = (q: number, v: number): number => (v === 1 ? q : 1 - q);
    const wanted = (xray: number, dyspnoea: number): number[] => {
      const sums = [0, 0, 0, 0];
      for (let s = 0; s < 32; s++) {
        const [a, smoke, t, l, b] = [s & 1, (s >> 1) & 1, (s >> 2) & 1, (s >> 3) & 1, (s >> 4) & 1] as const;
        const e = t | l;
        const short = e === 1 ? (b === 1 ? 0.9 : 0.7) : b === 1 ? 0.8 : 0.1;
        const joint =
          [p(0.01, a), 0.5, p(a === 1 ? 0.05 : 0.01, t), p(smoke === 1 ? 0.1 : 0.01, l), p(smoke === 1 ? 0.6 : 0.3, b)].reduce(
            (x, y) => x * y,
          ) *
          p(e === 1 ? 0.98 : 0.05, xray) *
          p(short, dyspnoea);
        [1, t, l, b].forEach((w, i) => {
          sums[i] = (sums[i] ?? 0) + w * joint;
        });
      }
      return sums;
    };
    for (const [xray, dyspnoea] of [
      [0, 0],
      [1, 0],
      [1, 1],
    ] as const) {
      const out = evaluate(readFileSync('examples/asia.mrl', 'utf8'), [scalar(xray), scalar(dyspnoea)]);
      const [z = 1, ...rest] = wanted(xray, dyspnoea);
      ['tuberculosis', 'cancer', 'bronchitis'].forEach((name, i) => {
        expect(Math.abs((out[name]?.[1] ?? 0) / Q15 - (rest[i] ?? 0) / z)).toBeLessThan(5e-4);
      });
      expect(Math.abs((out['log_likelihood']?.[0] ?? 0) - Math.log(z) * Q12)).toBeLessThan(6);
    }
  });

  test('burglary (Russell & Norvig, AIMA): P(burglary | both call) = 0.284', () => {
    const out = ask(
      `variable Burglary: {no, yes}; variable Earthquake: {no, yes}; variable Alarm: {no, yes}; variable John: {no, yes}; variable Mary: {no, yes};
       factor P(Burglary) = [0.999, 0.001]; factor P(Earthquake) = [0.998, 0.002];
       factor P(Alarm | Burglary, Earthquake) = [[[0.999, 0.001], [0.71, 0.29]], [[0.06, 0.94], [0.05, 0.95]]];
       factor P(John | Alarm) = [[0.95, 0.05], [0.1, 0.9]]; factor P(Mary | Alarm) = [[0.99, 0.01], [0.3, 0.7]];
       evidence John = yes; evidence Mary = yes;`,
      { b: 'marginal Burglary' },
    );
    expect(yes(out['b'])).toBe(0.284);
  });

  test('sprinkler (Murphy, Bayes Net Toolbox): P(S | W) = 0.430, P(R | W) = 0.708, explained away to 0.1945', () => {
    const model = `variable Cloudy: {false, true}; variable Sprinkler: {false, true}; variable Rain: {false, true}; variable Wet: {false, true};
      factor P(Cloudy) = [0.5, 0.5]; factor P(Sprinkler | Cloudy) = [[0.5, 0.5], [0.9, 0.1]]; factor P(Rain | Cloudy) = [[0.8, 0.2], [0.2, 0.8]];
      factor P(Wet | Sprinkler, Rain) = [[[1, 0], [0.1, 0.9]], [[0.1, 0.9], [0.01, 0.99]]];
      evidence Wet = true;`;
    const out = ask(model, { s: 'marginal Sprinkler', r: 'marginal Rain', z: 'evidence' });
    expect([yes(out['s']), yes(out['r'])]).toEqual([0.43, 0.708]);
    expect(Math.exp((out['z']?.[0] ?? 0) / Q12)).toBeCloseTo(0.6471, 3);
    const both = ask(`${model} evidence Rain = true;`, { s: 'marginal Sprinkler' });
    expect((both['s']?.[1] ?? 0) / Q15).toBeCloseTo(0.1945, 3);
  });

  test('cancer (Korb & Nicholson): prior 0.012, X-ray 0.208, dyspnoea 0.304', () => {
    const out = ask(
      `variable Pollution: {low, high}; variable Smoker: {no, yes}; variable Cancer: {no, yes}; variable Xray: {negative, positive}; variable Dyspnoea: {no, yes};
       factor P(Pollution) = [0.9, 0.1]; factor P(Smoker) = [0.7, 0.3];
       factor P(Cancer | Pollution, Smoker) = [[[0.999, 0.001], [0.97, 0.03]], [[0.98, 0.02], [0.95, 0.05]]];
       factor P(Xray | Cancer) = [[0.8, 0.2], [0.1, 0.9]]; factor P(Dyspnoea | Cancer) = [[0.7, 0.3], [0.35, 0.65]];`,
      { c: 'marginal Cancer', x: 'marginal Xray', d: 'marginal Dyspnoea' },
    );
    expect([yes(out['c']), yes(out['x']), yes(out['d'])]).toEqual([0.012, 0.208, 0.304]);
  });

  test('student (Koller & Friedman, section 3.2): causal, evidential and intercausal reasoning', () => {
    const model = `variable Difficulty: {easy, hard}; variable Intelligence: {low, high}; variable Grade: {a, b, c}; variable Sat: {low, high}; variable Letter: {weak, strong};
      factor P(Difficulty) = [0.6, 0.4]; factor P(Intelligence) = [0.7, 0.3];
      factor P(Grade | Intelligence, Difficulty) = [[[0.3, 0.4, 0.3], [0.05, 0.25, 0.7]], [[0.9, 0.08, 0.02], [0.5, 0.3, 0.2]]];
      factor P(Sat | Intelligence) = [[0.95, 0.05], [0.2, 0.8]];
      factor P(Letter | Grade) = [[0.1, 0.9], [0.4, 0.6], [0.99, 0.01]];`;
    const p = (evidence: string, about: string): number => yes(ask(`${model} ${evidence}`, { p: `marginal ${about}` })['p']);
    expect(p('', 'Letter')).toBe(0.502);
    expect(p('evidence Intelligence = low;', 'Letter')).toBe(0.389);
    expect(p('evidence Intelligence = low; evidence Difficulty = easy;', 'Letter')).toBe(0.513);
    expect(p('evidence Grade = c;', 'Intelligence')).toBe(0.079);
    expect(p('evidence Grade = c; evidence Sat = high;', 'Intelligence')).toBe(0.578);
  });

  test('play tennis (Mitchell 1997, section 6.9): naive Bayes says no with 0.795 on a sunny, cool, humid, windy day', () => {
    const rows = { Sunny: ['2/9', '3/5'], Cool: ['3/9', '1/5'], Humid: ['3/9', '4/5'], Windy: ['3/9', '3/5'] };
    const features = Object.entries(rows).map(
      ([feature, [ifYes = '', ifNo = '']]) =>
        `variable ${feature}: {no, yes}; factor P(${feature} | Play) = [[1 - ${ifYes}.0, ${ifYes}.0], [1 - ${ifNo}.0, ${ifNo}.0]]; evidence ${feature} = yes;`,
    );
    const out = ask(`variable Play: {yes, no}; factor P(Play) = [9 / 14.0, 5 / 14.0]; ${features.join(' ')}`, { play: 'marginal Play' });
    // 0.0206 / (0.0206 + 0.0053)
    expect(Math.abs((out['play']?.[1] ?? 0) / Q15 - 0.7954)).toBeLessThan(1e-3);
  });
});

describe('hidden Markov models', () => {
  /** The example of the article on the Viterbi algorithm in Wikipedia. */
  const clinic = (steps: number, queries: string): string => `mrl 1;
    model hmm {
      input symptoms: i32[${steps}];
      let seen = split(symptoms, axis: 0, sizes: [${new Array(steps).fill(1).join(', ')}]);
      for t in 0..${steps} {
        variable Health[t]: {healthy, fever};
        variable Symptom[t]: {normal, cold, dizzy};
        if t == 0 { factor start(Health[t]) = [0.6, 0.4]; }
        else { factor step(Health[t] | Health[t - 1]) = [[0.7, 0.3], [0.4, 0.6]]; }
        factor emit(Symptom[t] | Health[t]) = [[0.5, 0.4, 0.1], [0.1, 0.3, 0.6]];
        evidence Symptom[t] = seen[t];
      }
      ${queries}
    }`;

  test('Viterbi: normal, cold, dizzy is healthy, healthy, fever', () => {
    const out = evaluate(clinic(3, 'query path = map; output path = path; query z = evidence; output z = z;'), [i32([0, 1, 2])]);
    expect(out['path']).toEqual([0, 0, 1]);
    // the forward probabilities add up to 0.03628
    expect(Math.abs((out['z']?.[0] ?? 0) - Math.log(0.03628) * Q12)).toBeLessThanOrEqual(3 * 1.51);
  });

  test('smoothing of every step costs no more than forward and backward together', () => {
    const marginals = (n: number): string =>
      Array.from({ length: n }, (_, t) => `query s${t} = marginal Health[${t}]; output s${t} = s${t};`).join(' ');
    const nodes = (n: number): number => compile(clinic(n, marginals(n))).nodes.length;
    expect(nodes(80) - nodes(60)).toBe(nodes(60) - nodes(40));
    expect(nodes(80)).toBeLessThan(80 * 16);
  });

  test('a chain of 3,000 unlikely steps renormalizes: filtered state and likelihood as by scaled forward sums', () => {
    const steps = 3000;
    const [rare, seen] = [2e-6, 3e-6];
    const text = `mrl 1; model m {
      input first: i32[];
      for t in 0..${steps} {
        variable H[t]: 2; variable O[t]: 2;
        if t == 0 { factor P(H[t]) = [0.5, 0.5]; } else { factor P(H[t] | H[t - 1]) = [[0.9, 0.1], [0.2, 0.8]]; }
        factor P(O[t] | H[t]) = [[${1 - rare}, ${rare}], [${1 - seen}, ${seen}]];
        if t == 0 { evidence O[t] = first; } else { evidence O[t] = 1; }
      }
      query last = marginal H[${steps - 1}]; output last = last;
      query path = map; output path = path;
      query z = evidence; output z = z;
    }`;
    const program = compile(text);
    expect(program.nodes.filter((n) => n.op === 'neg').length).toBeGreaterThan(0);
    const out = evaluate(text, [scalar(1)]);
    let [a, b, log] = [0.5 * rare, 0.5 * seen, 0];
    for (let t = 1; t < steps; t++) {
      const sum = a + b;
      log += Math.log(sum);
      [a, b] = [((a * 0.9 + b * 0.2) / sum) * rare, ((a * 0.1 + b * 0.8) / sum) * seen];
    }
    log += Math.log(a + b);
    expect(Math.abs((out['last']?.[1] ?? 0) / Q15 - b / (a + b))).toBeLessThan(1e-3);
    // NUMERICS §7: at most T (0.51 2^-12 + 2 2^-13) nats
    expect(Math.abs((out['z']?.[0] ?? 0) - log * Q12)).toBeLessThan(steps * 1.51);
    expect(out['path']).toEqual(new Array(steps).fill(1));
  });
});

interface Table {
  readonly scope: readonly number[];
  readonly values: readonly number[];
}
interface Case {
  readonly sizes: readonly number[];
  readonly tables: readonly Table[];
  readonly text: string;
}

/** All assignments with the product of their tables. */
const enumerate = ({ sizes, tables }: Case, visit: (states: readonly number[], weight: number) => void): void => {
  const states = sizes.map(() => 0);
  const count = sizes.reduce((a, b) => a * b, 1);
  for (let i = 0; i < count; i++) {
    let rest = i;
    for (let v = sizes.length - 1; v >= 0; v--) {
      const size = sizes[v] ?? 1;
      states[v] = rest % size;
      rest = Math.floor(rest / size);
    }
    const weight = tables.reduce((w, t) => w * (t.values[t.scope.reduce((at, v) => at * (sizes[v] ?? 1) + (states[v] ?? 0), 0)] ?? 0), 1);
    visit(states, weight);
  }
};

const numbers = (values: readonly number[]): string => `[${values.join(', ')}]`;
const name = (v: number): string => `V[${v}]`;

/** Random networks: a directed one by tables over earlier variables, an undirected one by potentials, a chain by logarithms. */
const network = (kind: 'bayes' | 'markov' | 'crf'): fc.Arbitrary<Case> =>
  fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 2, maxLength: 6 }).chain((sizes) => {
    const scopes = sizes.map((_, v) =>
      kind === 'crf'
        ? fc.constant(v === 0 ? [0] : [v - 1, v])
        : fc.subarray([...new Array(v).keys()], { maxLength: Math.min(v, 2) }).map((ps) => [...ps.toReversed(), v]),
    );
    return fc.tuple(...scopes).chain((all) => {
      const tables = all.map((scope) => {
        const count = scope.reduce((n, v) => n * (sizes[v] ?? 1), 1);
        const row = sizes[scope.at(-1) ?? 0] ?? 1;
        const cell = fc.integer({ min: kind === 'bayes' ? 1 : 0, max: 20 });
        return fc
          .array(kind === 'crf' ? fc.integer({ min: -40, max: 40 }) : cell, { minLength: count, maxLength: count })
          .map((cells): Table => {
            const sum = (i: number): number => cells.slice(i - (i % row), i - (i % row) + row).reduce((a, b) => a + b, 0);
            const values = kind === 'bayes' ? cells.map((c, i) => c / sum(i)) : kind === 'crf' ? cells.map((c) => Math.exp(c / 16)) : cells;
            return { scope, values };
          });
      });
      return fc.tuple(...tables).map((made): Case => {
        const lines = made.map(({ scope, values }, i) => {
          const heads = name(scope.at(-1) ?? 0);
          const rest = scope.slice(0, -1).map(name).join(', ');
          if (kind === 'bayes') return `factor P(${heads}${rest === '' ? '' : ` | ${rest}`}) = ${numbers(values)};`;
          const form = kind === 'crf' ? 'log' : 'potential';
          return `factor f${i}(${scope.map(name).join(', ')}): ${form} = ${numbers(kind === 'crf' ? values.map((v) => Math.log(v)) : values)};`;
        });
        return { sizes, tables: made, text: `${sizes.map((n, v) => `variable ${name(v)}: ${n};`).join(' ')} ${lines.join(' ')}` };
      });
    });
  });

describe.each(['bayes', 'markov', 'crf'] as const)('random networks (%s) against enumeration', (kind) => {
  const cases = fc.tuple(network(kind), fc.nat(5), fc.nat(5), fc.nat(2));
  /** Nats that a sum over all variables may be off by: one rounding a table, one a sum (NUMERICS §7). */
  const bound = (c: Case): number => c.tables.length * 2 ** -13 + c.sizes.length * 0.52 * 2 ** -12;

  test('marginals, pairs and the probability of the evidence', () => {
    fc.assert(
      fc.property(cases, ([c, of, other, state]) => {
        const x = of % c.sizes.length;
        const y = (x + 1 + (other % (c.sizes.length - 1))) % c.sizes.length;
        const [nx = 1, ny = 1] = [c.sizes[x], c.sizes[y]];
        const seen = state % ny;
        let total = 0;
        let given = 0;
        const joint = new Array<number>(nx * ny).fill(0);
        const posterior = new Array<number>(nx).fill(0);
        enumerate(c, (s, w) => {
          const [i, j] = [s[x] ?? 0, s[y] ?? 0];
          total += w;
          joint[i * ny + j] = (joint[i * ny + j] ?? 0) + w;
          if (j !== seen) return;
          given += w;
          posterior[i] = (posterior[i] ?? 0) + w;
        });
        const before = ask(c.text, { joint: `marginal ${name(x)}, ${name(y)}`, z: 'evidence' });
        const after = ask(`${c.text} evidence ${name(y)} = ${seen};`, { p: `marginal ${name(x)}`, z: 'evidence' });
        const near = (got: readonly number[] | undefined, want: readonly number[], sum: number): void =>
          want.forEach((w, i) => {
            const p = sum === 0 ? 0 : w / sum;
            expect(Math.abs((got?.[i] ?? Number.NaN) / Q15 - p)).toBeLessThanOrEqual(p * (Math.exp(2 * bound(c)) - 1) + 2 / Q15);
          });
        const log = (got: readonly number[] | undefined, sum: number): void => {
          if (sum === 0) expect(got).toEqual([-(2 ** 30)]);
          else expect(Math.abs((got?.[0] ?? Number.NaN) / Q12 - Math.log(sum))).toBeLessThanOrEqual(bound(c) + 1e-9);
        };
        near(before['joint'], joint, total);
        near(after['p'], posterior, given);
        log(before['z'], total);
        log(after['z'], given);
      }),
      { numRuns: 60, seed: 3 },
    );
  });

  test('the most probable states: no assignment of the rounded tables is better', () => {
    fc.assert(
      fc.property(cases, ([c]) => {
        const logs = c.tables.map((t) => t.values.map((v) => (v === 0 ? -(2 ** 30) : Math.round(Math.log(v) * Q12))));
        const score = (s: readonly number[]): number =>
          c.tables.reduce((sum, t, k) => sum + (logs[k]?.[t.scope.reduce((at, v) => at * (c.sizes[v] ?? 1) + (s[v] ?? 0), 0)] ?? 0), 0);
        const best = ask(c.text, { best: 'map' })['best'] ?? [];
        let most = Number.NEGATIVE_INFINITY;
        enumerate(c, (s) => {
          most = Math.max(most, score(s));
        });
        expect(best).toHaveLength(c.sizes.length);
        if (most > -(2 ** 29)) expect(score(best)).toBe(most);
      }),
      { numRuns: 60, seed: 5 },
    );
  });
});

describe('queries', () => {
  test('map of some variables sums over the others, which may differ from their part of the best whole', () => {
    // P(A) = 0.4, 0.6; all of A = 0 goes to one B, that of A = 1 is split
    const model = 'variable A: 2; variable B: 3; factor P(A) = [0.4, 0.6]; factor P(B | A) = [[1, 0, 0], [0, 0.5, 0.5]];';
    expect(ask(model, { whole: 'map', part: 'map A', order: 'map B, A' })).toEqual({ whole: [0, 0], part: [1], order: [0, 0] });
  });

  test('ties go to the lowest state, of the variable eliminated last first', () => {
    expect(ask('variable A: 3; variable B: 3; factor f(A, B): potential = [0, 1, 0, 1, 0, 0, 0, 0, 1];', { m: 'map' })).toEqual({
      m: [1, 0],
    });
    expect(ask('variable A: 3; variable B: 2; factor f(A, B): log = [[1, 1], [1, 1], [1, 1]];', { m: 'map' })).toEqual({ m: [0, 0] });
  });

  test('dimensions follow the query, whatever the order of declaration', () => {
    const out = ask('variable A: 2; variable B: 2; factor P(A, B) = [[0.125, 0.25], [0.5, 0.125]];', {
      ab: 'marginal A, B',
      ba: 'marginal B, A',
    });
    expect(out['ab']?.map((v) => Math.round(v / 4096))).toEqual([1, 2, 4, 1]);
    expect(out['ba']?.map((v) => Math.round(v / 4096))).toEqual([1, 4, 2, 1]);
  });

  test('a query sees what stands above it; what it does not depend on makes no nodes', () => {
    const text = `mrl 1; model m { variable A: 2; variable B: 2; factor P(A) = [0.25, 0.75]; factor P(B | A) = [[0.5, 0.5], [0.25, 0.75]];
      query prior = marginal A; output prior = prior; evidence B = 0; query after = marginal A; output after = after; }`;
    const out = evaluate(text);
    expect([yes(out['prior']), yes(out['after'])]).toEqual([0.75, 0.6]);
    expect(compile(text).nodes.map((n) => n.op)).toEqual(['posterior_fixed', 'gather', 'add_saturated', 'posterior_fixed']);
  });

  test('evidence that cannot be: every posterior is 0 and its logarithm -2^30', () => {
    const out = ask('variable A: 2; variable B: 2; factor P(A) = [1, 0]; factor P(B | A) = [[1, 0], [0, 1]]; evidence B = 1;', {
      a: 'marginal A',
      z: 'evidence',
      m: 'map',
    });
    expect(out).toEqual({ a: [0, 0], z: [-(2 ** 30)], m: [0] });
  });

  test('soft evidence: a list of likelihoods, or logarithms in Q12 at run time', () => {
    const model = 'variable A: {no, yes}; factor P(A) = [0.5, 0.5];';
    expect(yes(ask(`${model} evidence A = [1, 3];`, { a: 'marginal A' })['a'])).toBe(0.75);
    const text = `mrl 1; model m { input like: i32[2]; ${model} evidence A = like; query a = marginal A; output a = a; }`;
    expect(yes(evaluate(text, [i32([0, 4500])])['a'])).toBe(0.75);
  });

  test('states by name, word, text and number', () => {
    const model =
      'variable A: {false, true, other}; factor P(A) = [0.5, 0.25, 0.25]; variable B: 2; factor P(B | A) = [0, 1, 1, 0, 0.5, 0.5];';
    const b = (state: string): number => yes(ask(`let n = "er"; ${model} evidence A = ${state};`, { b: 'marginal B' })['b']);
    expect([b('true'), b('false'), b('other'), b('"oth{n}"'), b('2'), b('1 == 1')]).toEqual([0, 1, 0.5, 0.5, 0.5, 0]);
  });

  test('tables from parameters and from tensors', () => {
    const text = `mrl 1; model m { input scores: i32[2]; param w: f32[2, 2]; param p: f32[2] = [0.25, 0.75];
      variable A: 2; variable B: 2; factor P(A) = p; factor pair(A, B): log = w; factor unary(B): log = scores;
      query b = marginal B; output b = b; }`;
    const w: Tensor = { dtype: 'f32', shape: [2, 2], data: Float32Array.of(0.5, -0.5, -Infinity, 1) };
    const out = evaluate(text, [i32([4096, 0])], { byName: (n) => (n === 'w' ? w : undefined) });
    const weights = [0.25 * Math.exp(0.5) * Math.E, 0.25 * Math.exp(-0.5) + 0.75 * Math.E];
    expect((out['b']?.[0] ?? 0) / Q15).toBeCloseTo((weights[0] ?? 0) / ((weights[0] ?? 0) + (weights[1] ?? 0)), 3);
  });
});

test('the words of graphical models are names everywhere else', () => {
  const text =
    'mrl 1; model m { input query: i32[2]; let variable = neg(query); let factor, evidence = [variable, query]; factor = neg(factor); output evidence = add(factor, evidence); }';
  expect(evaluate(text, [i32([3, -4])])).toEqual({ evidence: [6, -8] });
  expect(printProgram(compile(text), { form: 'readable' })).toContain('input query: i32[2];');
});
