/** A share in percent. */
export const percent = (share: number): number => 100 * share;
export const points = (value: number): string => value.toFixed(2);
