import { type Control, controlOf } from './control-flow.ts';
import { flexAttention, PREVIEW_DOMAIN } from './flex-attention.ts';

/** How an operator with inner graphs is inlined; undefined for every other operator. */
export const inlinedOf = (domain: string, op: string): Control | undefined => {
  if (domain === PREVIEW_DOMAIN) return op === 'FlexAttention' ? flexAttention : undefined;
  return domain === '' ? controlOf(op) : undefined;
};
