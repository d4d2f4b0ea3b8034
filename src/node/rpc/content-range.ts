const CONTENT_RANGE = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15})$/;
const RANGE = /^bytes=(\d{0,15})-(\d{0,15})$/;

export interface Part {
  readonly from: number;
  /** The one after the last. */
  readonly to: number;
  readonly size: number;
}

/** `bytes FIRST-LAST/SIZE`; undefined: it is none, or not within the size. */
export const readContentRange = (header: string | undefined): Part | undefined => {
  const [, first, last, all] = CONTENT_RANGE.exec(header ?? '') ?? [];
  if (first === undefined) return undefined;
  const part = { from: Number(first), to: Number(last) + 1, size: Number(all) };
  return part.from < part.to && part.to <= part.size ? part : undefined;
};

/**
 * One range of a request (RFC 9110 §14.1.2). Headers that are none, or name several ranges, are ignored, as the RFC lets a server do.
 * @returns `all`: no range; undefined: outside the file
 */
export const readRange = (header: string | undefined, size: number): { readonly from: number; readonly to: number } | 'all' | undefined => {
  const [, first = '', last = ''] = RANGE.exec(header ?? '') ?? [];
  if (first === '' && last === '') return 'all';
  if (first === '') return last === '0' || size === 0 ? undefined : { from: Math.max(0, size - Number(last)), to: size };
  const from = Number(first);
  if (last !== '' && Number(last) < from) return 'all';
  return from < size ? { from, to: last === '' ? size : Math.min(size, Number(last) + 1) } : undefined;
};
