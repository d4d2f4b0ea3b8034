/** Recurrent networks of static length, unrolled. */
export const recurrent = {} as const;
