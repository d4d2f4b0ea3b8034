/** Coefficients of P. J. Acklam's approximation of the normal quantile function (2003), relative error below 1.15e-9. */
const CENTRE = {
  above: [-39.69683028665376, 220.9460984245205, -275.9285104469687, 138.357751867269, -30.66479806614716, 2.506628277459239],
  below: [-54.47609879822406, 161.5858368580409, -155.6989798598866, 66.80131188771972, -13.28068155288572, 1],
} as const;
const TAIL = {
  above: [-0.007784894002430293, -0.3223964580411365, -2.400758277161838, -2.549732539343734, 4.374664141464968, 2.938163982698783],
  below: [0.007784695709041462, 0.3224671290700398, 2.445134137142996, 3.754408661907416, 1],
} as const;
const TAIL_END = 0.02425;

const polynomial = (coefficients: readonly number[], x: number): number => coefficients.reduce((sum, c) => sum * x + c, 0);

/** The normal quantile of a probability in (0, 1): what a uniform number becomes as a normal one of mean 0 and variance 1. */
export const normalQuantile = (p: number): number => {
  if (p > 1 - TAIL_END) return -normalQuantile(1 - p);
  if (p < TAIL_END) {
    const q = Math.sqrt(-2 * Math.log(p));
    return polynomial(TAIL.above, q) / polynomial(TAIL.below, q);
  }
  const q = p - 0.5;
  return (q * polynomial(CENTRE.above, q * q)) / polynomial(CENTRE.below, q * q);
};
