import type { Mutation } from './mutation.ts';

/** The environment variable with the number of the bug that is planted at run time; 0 or none: none. */
export const PLANTED = 'CX_PLANTED';

/** What stands exactly once in the file: the expression with what comes before it. */
export const placeOf = ({ after = '', find }: Mutation): string => `${after}${find}`;

/** Where the expression of a bug begins; undefined when its place does not stand exactly once in the text. */
export const expressionAt = (text: string, mutation: Mutation): number | undefined => {
  const place = placeOf(mutation);
  const at = text.indexOf(place);
  return at < 0 || text.includes(place, at + 1) ? undefined : at + (mutation.after ?? '').length;
};

const NUMBER = `integer cx_planted;
initial cx_planted = $c32("(getenv(\\"${PLANTED}\\") ? atoi(getenv(\\"${PLANTED}\\")) : 0)");`;

/**
 * A module with all of its bugs in place, for verilator: each expression becomes a choice by the number of the bug. `bugs` are those of
 * this file, by number; their places do not overlap.
 */
export const weave = (text: string, bugs: ReadonlyMap<number, Mutation>): string => {
  const places = [...bugs]
    .map(([number, mutation]) => ({ number, mutation, at: expressionAt(text, mutation) ?? text.length }))
    .toSorted((a, b) => b.at - a.at);
  const chosen = places.reduce((woven, { number, mutation: { find, replace }, at }) => {
    return `${woven.slice(0, at)}(cx_planted == ${number} ? (${replace}) : (${find}))${woven.slice(at + find.length)}`;
  }, text);
  // ports end with a line of their own
  return chosen.replace(/^\);$/m, `);\n${NUMBER}`);
};
