import { at } from '../../support/index.ts';

/** Gram matrix of rows, without its diagonal: f64[n, n]. */
const gram = (rows: readonly Float32Array[]): Float64Array => {
  const n = rows.length;
  const g = new Float64Array(n * n);
  for (let i = 0; i < n; i++)
    for (let j = 0; j < i; j++) {
      const [x, y] = [at(rows, i), at(rows, j)];
      let dot = 0;
      for (let k = 0; k < x.length; k++) dot += (x[k] ?? 0) * (y[k] ?? 0);
      g[i * n + j] = dot;
      g[j * n + i] = dot;
    }
  return g;
};

/** Unbiased estimate of the Hilbert-Schmidt independence criterion (Song et al. 2012, equation 5), up to n (n - 3). */
const independence = (k: Float64Array, l: Float64Array, n: number): number => {
  let [trace, sumK, sumL, cross] = [0, 0, 0, 0];
  for (let i = 0; i < n; i++) {
    let [rowK, rowL] = [0, 0];
    for (let j = 0; j < n; j++) {
      const [x, y] = [k[i * n + j] ?? 0, l[i * n + j] ?? 0];
      trace += x * y;
      rowK += x;
      rowL += y;
    }
    sumK += rowK;
    sumL += rowL;
    cross += rowK * rowL;
  }
  return trace + (sumK * sumL) / ((n - 1) * (n - 2)) - (2 * cross) / (n - 2);
};

/**
 * Centered kernel alignment with the unbiased estimate, linear kernel: 1 for features that are rotations and multiples of each other, about 0
 * for unrelated ones. Undefined below 4 rows, and where features of one side do not vary.
 * @param a - features of each sample; @param b - of the same samples, of any number
 */
export const unbiasedCka = (a: readonly Float32Array[], b: readonly Float32Array[]): number | undefined => {
  const n = a.length;
  if (n < 4 || b.length !== n) return undefined;
  const centered = (rows: readonly Float32Array[]): readonly Float32Array[] => {
    const mean = new Float32Array(at(rows, 0).length);
    for (const r of rows) for (let i = 0; i < mean.length; i++) mean[i] = (mean[i] ?? 0) + (r[i] ?? 0) / n;
    return rows.map((r) => r.map((v, i) => v - (mean[i] ?? 0)));
  };
  const [k, l] = [gram(centered(a)), gram(centered(b))];
  const [kk, ll] = [independence(k, k, n), independence(l, l, n)];
  return kk > 0 && ll > 0 ? independence(k, l, n) / Math.sqrt(kk * ll) : undefined;
};

const cosine = (x: ArrayLike<number>, y: ArrayLike<number>): number => {
  let [xy, xx, yy] = [0, 0, 0];
  for (let i = 0; i < x.length; i++) {
    xy += (x[i] ?? 0) * (y[i] ?? 0);
    xx += (x[i] ?? 0) * (x[i] ?? 0);
    yy += (y[i] ?? 0) * (y[i] ?? 0);
  }
  return xx > 0 && yy > 0 ? xy / Math.sqrt(xx * yy) : 0;
};

/**
 * How alike two models' opinions are of which samples are alike: the correlation of the cosine distances of outputs over all pairs of samples
 * (decision distance vectors, Li et al. 2021, "ModelDiff"). The models may have different numbers of outputs.
 */
export const distanceCorrelation = (a: readonly ArrayLike<number>[], b: readonly ArrayLike<number>[]): number => {
  const distances = (rows: readonly ArrayLike<number>[]): number[] => rows.flatMap((x, i) => rows.slice(0, i).map((y) => 1 - cosine(x, y)));
  const [p, q] = [distances(a), distances(b)];
  const mean = (v: readonly number[]): number => v.reduce((s, d) => s + d, 0) / Math.max(1, v.length);
  const [mp, mq] = [mean(p), mean(q)];
  return cosine(
    p.map((d) => d - mp),
    q.map((d) => d - mq),
  );
};
