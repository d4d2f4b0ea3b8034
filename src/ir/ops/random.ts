/** Random tensors from an explicit seed (NUMERICS §1.8). */
export const random = {} as const;
