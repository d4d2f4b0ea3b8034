/** Boxes: overlap, decoding, suppression. */
export const detection = {} as const;
