/** floor(n^(1/k)), exactly: what tables of powers are checked against. */
export const root = (n: bigint, k: bigint): bigint => {
  let lo = 0n;
  let hi = 1n << (BigInt(n.toString(2).length) / k + 1n);
  while (lo < hi) {
    const mid = (lo + hi + 1n) >> 1n;
    if (mid ** k <= n) lo = mid;
    else hi = mid - 1n;
  }
  return lo;
};
