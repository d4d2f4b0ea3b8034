import type { CodeInfo } from './info.ts';

export const isoCodes = {
  ISO0001: {
    title: 'isomorphism is undecided',
    explain:
      'The comparison stopped at a level without a proof for or against: symmetric parts that can be matched in more ways than are tried, a ' +
      'model that takes more rewriting than its size explains, channels that cannot be followed through an op, or a dimension without a ' +
      'number. The message names the level and the reason. Neither answer is implied; bind dimensions with --bind, or ask for a lower level.',
    exit: 1,
  },
  ISO0002: {
    title: 'certificate does not hold',
    explain:
      'A certificate of isomorphism holds for two models, named by their identity hashes, and lists a counterpart in B for every value of A. ' +
      'One of the models is another one, or an entry is not what the models say. Nothing is implied about the models themselves: compare them anew.',
    exit: 1,
  },
  ISO0003: {
    title: 'file is no certificate',
    explain: 'A certificate is the JSON that cortexc iso A B --certificate writes (docs/isomorphism.md).',
    exit: 3,
  },
  ISO0004: {
    title: 'no certificate is written',
    explain:
      'A certificate is a mapping of one model to the other. Models that are not proven equal have none, and neither do models whose equality shows in their ' +
      'values over a finite field alone: whoever doubts it compares them anew.',
    exit: 1,
  },
} as const satisfies Record<string, CodeInfo>;
