/** Integer functions in fixed point (NUMERICS §1.4 to §1.6). */
export const fixed = {} as const;
