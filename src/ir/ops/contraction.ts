/** Sums of products by index letters. */
export const contraction = {} as const;
