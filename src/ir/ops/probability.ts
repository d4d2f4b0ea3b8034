/** Log-domain sums and products of probabilistic models (NUMERICS §7). */
export const probability = {} as const;
