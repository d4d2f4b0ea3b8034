import { arity, type OpName, opOf } from '../../ir/index.ts';
import { closest } from '../../support/index.ts';
import type { Argument, Call } from './ast.ts';
import { type Builtin, builtinArity, BUILTINS } from './builtins.ts';
import type { Report } from './source.ts';

/** Suggestions cost a pass over all candidates, so a hostile file gets only so many. */
const MAX_SUGGESTIONS = 50;
export const MAX_CANDIDATES = 2000;

/** "Did you mean". */
export class Suggestions {
  private given = 0;

  near(word: string, candidates: () => Iterable<string>): string[] {
    if (this.given++ >= MAX_SUGGESTIONS) return [];
    const some: string[] = [];
    for (const candidate of candidates()) if (some.push(candidate) >= MAX_CANDIDATES) break;
    const near = closest(word, some);
    return near === undefined ? [] : [`Did you mean ${near}?`];
  }
}

const quantity = (min: number, max: number): string =>
  min === max ? String(min) : max === Number.POSITIVE_INFINITY ? `${min} or more` : `${min} to ${max}`;

/** An argument that could not be read may be any number of them. */
const isBroken = (call: Call): boolean => call.args.some((a) => a.value.kind === 'broken');

/** Whether the arguments of a call fit what is called, as far as names and numbers go. Values are checked when elaborating. */
export class CallChecks {
  private readonly report: Report;
  private readonly suggest: Suggestions;

  constructor(report: Report, suggest: Suggestions) {
    this.report = report;
    this.suggest = suggest;
  }

  /** Named arguments come last, each once. Returns the positional ones. */
  private positional(call: Call): readonly Argument[] {
    const seen = new Set<string>();
    let named = false;
    for (const { name, value } of call.args) {
      if (name === undefined && named)
        this.report.add('MRL2005', 'a positional argument follows a named one', value, ['Put it before the named ones.']);
      named ||= name !== undefined;
      if (name !== undefined && seen.size === seen.add(name.text).size) this.report.add('MRL2005', `${name.text} is given twice`, name);
    }
    return call.args.filter((a) => a.name === undefined);
  }

  /** A function or initializer, whose arguments stand in order or by name. @param extra - a name that is always allowed */
  named(call: Call, parameters: readonly string[], optional: ReadonlySet<string>, extra?: string): void {
    if (isBroken(call)) return;
    const positional = this.positional(call);
    const callee = call.callee.text;
    const takes = `${callee} takes: ${parameters.join(', ') || 'no arguments'}.`;
    const surplus = positional[parameters.length];
    if (surplus !== undefined) {
      const message = `${callee} takes ${parameters.length} arguments but has ${positional.length}`;
      this.report.add('MRL2005', message, surplus.value, [takes]);
    }
    const known = new Set(parameters);
    const given = new Set(parameters.slice(0, positional.length));
    for (const { name } of call.args) {
      if (name === undefined || name.text === extra) continue;
      if (!known.has(name.text)) {
        const notes = [...this.suggest.near(name.text, () => parameters), takes];
        this.report.add('MRL2005', `${callee} has no argument ${name.text}`, name, notes);
      } else if (given.size === given.add(name.text).size) this.report.add('MRL2005', `${name.text} is given twice`, name);
    }
    const missing = parameters.filter((p) => p !== '' && !given.has(p) && !optional.has(p));
    if (missing.length > 0) this.report.add('MRL2005', `${callee} needs ${missing.join(', ')}`, call.callee, [takes]);
  }

  builtin(call: Call, name: Builtin): void {
    if (isBroken(call)) return;
    const positional = this.positional(call);
    const { min, max } = builtinArity(name);
    const named = call.args.find((a) => a.name !== undefined)?.name;
    const usage = `${name}(${BUILTINS[name].parameters.join(', ')}): ${BUILTINS[name].help}.`;
    if (named !== undefined) this.report.add('MRL2005', `${name} takes its arguments in order, without names`, named, [usage]);
    else if (positional.length < min || positional.length > max) {
      this.report.add('MRL2005', `${name} takes ${quantity(min, max)} arguments but has ${positional.length}`, call.callee, [usage]);
    }
  }

  op(call: Call, op: OpName): void {
    if (isBroken(call)) return;
    const positional = this.positional(call);
    const { operands, attrs } = opOf(op);
    const { min, max } = arity(operands);
    const names = Object.keys(attrs);
    if (max !== Number.POSITIVE_INFINITY && (positional.length < min || positional.length > max)) {
      const message = `${op} takes ${quantity(min, max)} operands (${operands.join(', ')}) but has ${positional.length}`;
      this.report.add('MRL2005', message, call.callee);
    }
    for (const { name } of call.args) {
      if (name === undefined || name.text === '' || names.includes(name.text)) continue;
      const notes = [...this.suggest.near(name.text, () => names), `${op} takes: ${names.join(', ') || 'no attributes'}.`];
      this.report.add('MRL2006', `${op} has no attribute ${name.text}`, name, notes);
    }
    const given = new Set(call.args.map((a) => a.name?.text));
    const missing = names.filter((n) => attrs[n]?.default === undefined && !given.has(n));
    if (missing.length > 0) this.report.add('MRL2006', `${op} needs ${missing.join(', ')}`, call.callee, [`See ${op} in docs/ops.md.`]);
  }
}
