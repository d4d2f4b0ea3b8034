/** Attention, rotary position embedding and linear attention. */
export const attention = {} as const;
