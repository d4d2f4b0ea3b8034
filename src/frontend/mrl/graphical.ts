import type { ProgramBuilder } from '../../ir/index.ts';
import { at } from '../../support/index.ts';
import type { Expr, GraphicalStatement, Place, VariableRef } from './ast.ts';
import { Suggestions } from './call-checks.ts';
import { GraphicalTables } from './graphical-factors.ts';
import { fitsTable, type Host, Inference, TABLE_LIMITS, TableTooLarge } from './graphical-inference.ts';
import { Network, type Variable } from './graphical-network.ts';
import { type Form, FORMS, isForm } from './graphical-tables.ts';
import { sameSizes, stateOf } from './graphical-text.ts';
import type { Report } from './source.ts';
import { describeValue, int, POISON, type Value } from './values.ts';

const QUESTIONS = ['marginal', 'map', 'evidence'];

/** Statements of graphical models: variables, factors, evidence; queries become ops. */
export abstract class GraphicalEvaluator extends GraphicalTables {
  private readonly network = new Network();
  private readonly suggest = new Suggestions();
  private readonly quiet: boolean;

  constructor(report: Report, builder: ProgramBuilder) {
    super(report, builder);
    this.quiet = report.hasSyntaxErrors;
  }

  protected graphical(s: GraphicalStatement): void {
    switch (s.kind) {
      case 'variable':
        return this.declareVariable(s);
      case 'factor':
        return this.factor(s);
      case 'evidence':
        return this.observe(s);
      case 'query':
        return this.define(s.name.text, this.query(s));
      default:
        return s satisfies never;
    }
  }

  /** `X[3,1]`; undefined when an index is wrong, which is reported. */
  private keyOf(ref: VariableRef): string | undefined {
    const indices: (string | number)[] = [];
    for (const expr of ref.indices) {
      const value = this.evaluate(expr);
      if (value.kind === 'int' || value.kind === 'text') indices.push(value.value);
      else if (value.kind !== 'poison')
        this.refuse('MRL2003', `an index of a variable is an integer or a text but this is ${describeValue(value)}`, expr);
    }
    if (ref.name.text === '' || indices.length < ref.indices.length) {
      this.broken = true;
      return undefined;
    }
    return indices.length === 0 ? ref.name.text : `${ref.name.text}[${indices.join(',')}]`;
  }

  private variable(ref: VariableRef): Variable | undefined {
    const key = this.keyOf(ref);
    const found = key === undefined ? undefined : this.network.find(key);
    if (key === undefined || found !== undefined) return found;
    if (this.quiet) this.broken = true;
    else {
      const near = this.suggest.near(key, () => this.network.names());
      this.refuse('MRL2101', `there is no variable ${key} here`, ref, [...near, `Declare it above: variable ${ref.name.text}: {…};`]);
    }
    return undefined;
  }

  private variables(refs: readonly VariableRef[]): readonly Variable[] | undefined {
    const found = refs.map((ref) => this.variable(ref));
    const known = found.filter((v) => v !== undefined);
    if (known.length < found.length) return undefined;
    const again = known.findIndex((v, i) => known.indexOf(v) < i);
    if (again < 0) return known;
    return this.refuse('MRL2104', `variable ${at(known, again).name} is named a second time`, at(refs, again), [
      'Name each variable once.',
    ]);
  }

  private declareVariable(s: Extract<GraphicalStatement, { kind: 'variable' }>): void {
    const name = this.keyOf(s.variable);
    const states = 'states' in s.domain ? s.domain.states.map((n) => n.text) : [];
    const counted: Value = 'size' in s.domain ? this.evaluate(s.domain.size) : int(states.length);
    if (name === undefined || counted.kind === 'poison') {
      this.broken = true;
      return;
    }
    if (counted.kind !== 'int' || counted.value < 1 || counted.value > TABLE_LIMITS.entries) {
      const message = `variable ${name} has 1 to 2^24 states but this is ${describeValue(counted)}`;
      this.refuse('MRL2003', message, 'size' in s.domain ? s.domain.size : s, ['Write: variable Rain: {no, yes}; or variable X: 5;']);
      return;
    }
    const again = states.findIndex((state, i) => states.indexOf(state) < i);
    if (again >= 0 && 'states' in s.domain)
      this.refuse('MRL2002', `state ${states[again]} of ${name} is named a second time`, at(s.domain.states, again));
    const earlier = this.network.find(name);
    if (earlier !== undefined) {
      const where = this.report.source.position(earlier.place);
      this.refuse('MRL2002', `variable ${name} is declared a second time`, s.variable, [`It is first declared at ${where}.`]);
      return;
    }
    this.countValues(1, s);
    this.network.declare({ name, states, size: counted.value, place: s.variable });
  }

  private factor(s: Extract<GraphicalStatement, { kind: 'factor' }>): void {
    const all = this.variables([...s.heads, ...s.parents]);
    const value = this.evaluate(s.value);
    const form = s.form?.text ?? 'probability';
    if (!isForm(form)) {
      this.refuse('MRL2102', `there is no form ${form} of a table`, s.form ?? s, [
        ...this.suggest.near(form, () => FORMS),
        `Forms are ${FORMS.join(', ')}.`,
      ]);
      return;
    }
    if (all === undefined) return;
    const heads = all.slice(0, s.heads.length);
    const parents = all.slice(s.heads.length);
    const order = [...parents, ...heads];
    const name = `${s.name.text}(${[heads, parents]
      .filter((g) => g.length > 0)
      .map((g) => g.map((v) => v.name).join(','))
      .join('|')})`;
    if (!this.isNew(s, form, name, heads, parents)) return;
    const scope = order.map((v) => v.id).sort((a, b) => a - b);
    if (!fitsTable(this.network, scope)) {
      this.tooLarge(`factor ${s.name.text}`, order, s);
      return;
    }
    const table = value.kind === 'poison' ? undefined : this.table(form, value, order, heads.length, name, s.value);
    this.broken ||= table === undefined;
    // a row given at run time or as potentials need not sum to 1: nothing may be left out because of it
    const isChecked = form === 'probability';
    this.network.factors.push({
      name,
      scope,
      value: undefined,
      drift: 0,
      place: s,
      ...table,
      heads: isChecked ? heads.map((v) => v.id) : [],
    });
  }

  /** One table of probabilities for each variable, without cycles; potentials differ in name or variables. */
  private isNew(s: Place, form: Form, name: string, heads: readonly Variable[], parents: readonly Variable[]): boolean {
    const keys = form === 'probability' ? heads.map((v) => `probability ${v.id}`) : [`potential ${name}`];
    for (const [i, key] of keys.entries()) {
      const earlier = this.network.claim(key, s);
      if (earlier === undefined) continue;
      const what =
        form === 'probability' ? `variable ${heads[i]?.name} has a second table of probabilities` : `factor ${name} is given a second time`;
      this.refuse('MRL2104', what, s, [
        `The first stands at ${this.report.source.position(earlier)}.`,
        form === 'probability' ? 'Write : potential behind a factor without direction.' : 'Give the factors different names.',
      ]);
      return false;
    }
    const ids = (group: readonly Variable[]): number[] => group.map((v) => v.id);
    if (form !== 'probability' || !this.network.closesCycle(ids(heads), ids(parents))) return true;
    this.refuse('MRL2103', `with this table ${heads.map((v) => v.name).join(', ')} would depend on itself`, s, [
      'Turn one of the arrows, or write : potential behind factors without direction.',
    ]);
    return false;
  }

  private observe(s: Extract<GraphicalStatement, { kind: 'evidence' }>): void {
    const variable = this.variable(s.variable);
    const state = variable === undefined ? undefined : stateOf(variable, s.value);
    if (variable === undefined) return;
    const value = state === undefined ? this.evidenceValue(variable, s.value) : int(state);
    if (value.kind === 'poison') {
      this.broken = true;
      return;
    }
    const earlier = this.network.evidence.get(variable.id);
    if (earlier !== undefined) {
      this.refuse('MRL2104', `variable ${variable.name} has evidence already`, s, [
        `It stands at ${this.report.source.position(earlier)}.`,
      ]);
      return;
    }
    this.network.evidence.set(variable.id, s);
    if (value.kind === 'int') this.observeState(variable, value.value, s);
    else this.observeValue(variable, value, s);
  }

  /** A value that is no state name as it stands: a text or a bool names a state when it is evaluated. */
  private evidenceValue(variable: Variable, expr: Expr): Value {
    const isUnknown = expr.kind === 'name' && this.lookup(expr.name) === undefined;
    const value: Value = isUnknown ? { kind: 'text', value: expr.name } : this.evaluate(expr);
    if (value.kind !== 'text' && value.kind !== 'bool') return value;
    const name = String(value.value);
    const index = variable.states.indexOf(name);
    if (index >= 0 || this.quiet || name === '') return index < 0 ? POISON : int(index);
    const states = variable.states.length === 0 ? `the integers 0 to ${variable.size - 1}` : variable.states.join(', ');
    const near = this.suggest.near(name, () => variable.states);
    this.refuse('MRL2101', `${variable.name} has no state ${name}`, expr, [...near, `Its states are ${states}.`]);
    return POISON;
  }

  private observeState(variable: Variable, index: number, s: Extract<GraphicalStatement, { kind: 'evidence' }>): void {
    if (index < 0 || index >= variable.size) {
      this.refuse('MRL2101', `${variable.name} has no state ${index}`, s.value, [`Its states are 0 to ${variable.size - 1}.`]);
    } else this.network.observed.set(variable.id, this.constantOf(`state ${index}`, [], Int32Array.of(index), s));
  }

  /** A state index or the logarithms of likelihoods at run time, or a list of likelihoods. */
  private observeValue(variable: Variable, value: Value, s: Extract<GraphicalStatement, { kind: 'evidence' }>): void {
    const type = value.kind === 'tensor' ? this.typeOf(value.id) : undefined;
    const isIndex = type?.dtype === 'i32' && (type.shape.length === 0 || (sameSizes(type.shape, [1]) && variable.size > 1));
    if (value.kind === 'tensor' && isIndex) {
      const scalar = type.shape.length === 0 ? value.id : this.nodeOf('reshape', [value.id], { shape: [] }, s);
      this.network.observed.set(variable.id, scalar);
      return;
    }
    if (value.kind !== 'list' && value.kind !== 'tensor') {
      this.refuse('MRL2003', `evidence is a state, a list of likelihoods or an i32 tensor but this is ${describeValue(value)}`, s.value);
      return;
    }
    const form = value.kind === 'list' || this.floats.has(value.id) ? 'potential' : 'log';
    const name = `evidence(${variable.name})`;
    const table = this.table(form, value, [variable], 1, name, s.value);
    if (table !== undefined) this.network.factors.push({ name, scope: [variable.id], heads: [], place: s, ...table });
  }

  private query(s: Extract<GraphicalStatement, { kind: 'query' }>): Value {
    const question = s.question.text;
    const asked = this.variables(s.variables);
    const isKnown = QUESTIONS.includes(question);
    const isCounted = question === 'evidence' ? s.variables.length === 0 : question === 'map' || s.variables.length > 0;
    if (!isKnown && question !== '') {
      this.refuse('MRL2105', `there is no query ${question}`, s.question, [
        ...this.suggest.near(question, () => QUESTIONS),
        'Write: query p = marginal X; or map; or map X, Y; or evidence;',
      ]);
    } else if (!isCounted) {
      const message = question === 'evidence' ? 'evidence takes no variables' : 'marginal takes the variables it is about';
      this.refuse('MRL2105', message, s.question, ['Write: query p = marginal X; query z = evidence;']);
    }
    if (asked === undefined || !isKnown || !isCounted) return POISON;
    const { variables, observed } = this.network;
    const about = question === 'map' && asked.length === 0 ? variables.filter((v) => !observed.has(v.id)) : asked;
    if (question === 'map' && about.length === 0) this.refuse('MRL2105', 'every variable has evidence', s.question, ['Ask for evidence.']);
    const connected = this.network.connected();
    for (const v of about) {
      if (!connected.has(v.id))
        this.refuse('MRL2105', `no factor holds variable ${v.name}`, s, [`Write above: factor P(${v.name}) = […];`]);
      else if (observed.has(v.id)) this.refuse('MRL2105', `the state of ${v.name} is given`, s, ['Ask about other variables.']);
    }
    return this.broken
      ? POISON
      : this.answer(
          s,
          about.map((v) => v.id),
        );
  }

  private answer(s: Extract<GraphicalStatement, { kind: 'query' }>, ids: readonly number[]): Value {
    const host: Host = {
      node: (op, operands, attrs) => this.nodeOf(op, operands, attrs, s, s.name.text),
      constant: (name, shape, data) => this.constantOf(name, shape, data, s),
      work: (steps) => this.step(s, steps),
    };
    const inference = new Inference(this.network, host);
    const question = s.question.text;
    try {
      const id = question === 'marginal' ? inference.marginal(ids) : question === 'map' ? inference.map(ids) : inference.evidence();
      return { kind: 'tensor', id };
    } catch (error) {
      if (!(error instanceof TableTooLarge)) throw error;
      this.tooLarge(
        'this query',
        error.clique.map((id) => at(this.network.variables, id)),
        s,
      );
      return POISON;
    }
  }
}
