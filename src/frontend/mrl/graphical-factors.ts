import {
  type AnyAttrs,
  type AttrScalar,
  elementCount,
  formatType,
  isStaticType,
  NameTable,
  type OpName,
  type StaticType,
  type Tensor,
  type ValueId,
} from '../../ir/index.ts';
import { at, type Code, sha256Hex, unwrap } from '../../support/index.ts';
import type { Place } from './ast.ts';
import { Evaluator } from './evaluate.ts';
import { TABLE_LIMITS } from './graphical-inference.ts';
import type { Factor, Variable } from './graphical-network.ts';
import { driftOf, type Form, permuteTable, tableProblem, toLogarithms } from './graphical-tables.ts';
import { entryOf, list, numbersOf, sameSizes } from './graphical-text.ts';
import type { Value } from './values.ts';

/** What a factor given at run time is planned with: 4096 nats in Q12. */
const RUN_TIME_DRIFT = 2 ** 24;

/** Tables of graphical models as constants, and the nodes of their queries. */
export abstract class GraphicalTables extends Evaluator {
  /** Names of inputs and parameters that are taken. */
  protected readonly ports = new Set<string>();
  /** Data of f32 parameters, which tables may be made of. */
  protected readonly floats = new Map<ValueId, Tensor>();
  /** True when something about the graphical model is wrong: queries are not answered then. */
  protected broken = false;
  private readonly paramNames = new NameTable();
  /** Nodes and constants made so far, by content: queries share what they have in common. */
  private readonly made = new Map<string, ValueId>();

  protected refuse(code: Code, message: string, place: Place, notes: readonly string[] = []): undefined {
    this.broken = true;
    this.problem(code, message, place, notes);
  }

  protected tooLarge(what: string, variables: readonly Variable[], place: Place): void {
    const entries = variables.reduce((n, v) => n * v.size, 1);
    const shown = variables.length > 12 ? `${list(variables.slice(0, 12))}, …` : list(variables);
    this.refuse(
      'MRL3008',
      `${what} needs a table over ${shown}: ${variables.length} variables and ${entries} entries, but ${TABLE_LIMITS.variables} and ${TABLE_LIMITS.entries} are the limits`,
      place,
      ['Observe some of these variables, or split the factor that joins them into smaller ones.'],
    );
  }

  /** The logarithms of a table, dimensions in ascending order of id. */
  protected table(
    form: Form,
    value: Value,
    order: readonly Variable[],
    heads: number,
    name: string,
    place: Place,
  ): Pick<Factor, 'value' | 'drift'> | undefined {
    const shape = order.map((v) => v.size);
    const ascending = order.toSorted((a, b) => a.id - b.id);
    const perm = ascending.map((v) => order.indexOf(v));
    const data = value.kind === 'tensor' ? this.floats.get(value.id) : undefined;
    if (value.kind === 'tensor' && data === undefined) return this.givenTable(form, value.id, shape, perm, place);
    if (data !== undefined && !sameSizes(data.shape, shape)) return this.wrongShape(data, shape, place);
    const numbers = data === undefined ? numbersOf(value, shape) : [...data.data];
    if (value.kind === 'list') this.step(place, elementCount(shape));
    if (typeof numbers === 'string')
      return this.refuse('MRL2102', `${name}: ${numbers}`, place, [`The table has the dimensions ${list(order)}.`]);
    const rowVariables = order.slice(order.length - heads);
    const row = rowVariables.reduce((n, v) => n * v.size, 1);
    const problem = tableProblem(form, numbers, row);
    if (problem !== undefined) {
      const [message, note] =
        problem.kind === 'element'
          ? [
              `the entry ${entryOf(order, problem.index)} ${problem.why}`,
              form === 'log' ? 'Probability 0 is -inf.' : 'Logarithms are written with : log.',
            ]
          : [
              `the row ${entryOf(order.slice(0, order.length - heads), problem.row)} sums to ${problem.sum}, not to 1`,
              `A row has the states of ${list(rowVariables)}. Numbers that need not sum to 1 are written with : potential.`,
            ];
      return this.refuse('MRL2102', `${name}: ${message}`, place, [note]);
    }
    const logs = permuteTable(toLogarithms(form, numbers), shape, perm);
    return {
      value: this.constantOf(
        name,
        ascending.map((v) => v.size),
        logs,
        place,
      ),
      drift: driftOf(logs),
    };
  }

  /** A table that is computed or given at run time: i32 logarithms in Q12. */
  private givenTable(
    form: Form,
    id: ValueId,
    shape: readonly number[],
    perm: readonly number[],
    place: Place,
  ): Pick<Factor, 'value' | 'drift'> | undefined {
    const type = this.typeOf(id);
    if (form !== 'log' || type.dtype !== 'i32') {
      return this.refuse(
        'MRL2102',
        `a table given as a tensor holds i32 logarithms in Q12 but this is ${form} as ${formatType(type)}`,
        place,
        ['Write : log and an i32 tensor, a list, or an f32 parameter.'],
      );
    }
    if (!isStaticType(type) || !sameSizes(type.shape, shape)) return this.wrongShape(type, shape, place);
    const ordered = perm.every((p, i) => p === i) ? id : this.nodeOf('transpose', [id], { perm }, place);
    return { value: ordered, drift: RUN_TIME_DRIFT };
  }

  private wrongShape(type: { readonly shape: readonly (number | string)[] }, shape: readonly number[], place: Place): undefined {
    return this.refuse('MRL2102', `the tensor has shape [${type.shape.join(', ')}] but the table has shape [${shape.join(', ')}]`, place, [
      'The variables behind the bar come first, then those before it.',
    ]);
  }

  /** A node, or the one that computes the same already. */
  protected nodeOf(
    op: OpName,
    operands: readonly ValueId[],
    attrs: Readonly<Record<string, AttrScalar>>,
    place: Place,
    origin: string = op,
  ): ValueId {
    this.step(place);
    const key = `${op} ${operands.join(' ')} ${JSON.stringify(attrs)}`;
    const known = this.made.get(key);
    if (known !== undefined) return known;
    this.countNode(place);
    this.countValues(1, place);
    const results = unwrap(this.builder.tryEmit(op, operands, attrs as AnyAttrs, this.fullName(origin)));
    return this.remember(key, at(results, 0));
  }

  private remember(key: string, id: ValueId): ValueId {
    this.made.set(key, id);
    return id;
  }

  /** A parameter, or the one that holds the same already. */
  protected constantOf(name: string, shape: readonly number[], data: Int32Array, place: Place): ValueId {
    const type: StaticType = { dtype: 'i32', shape };
    const key = `${shape.join(',')}:${data.length <= 64 ? data.join(',') : sha256Hex(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))}`;
    const known = this.made.get(key);
    if (known !== undefined) return known;
    let own = this.paramNames.unique(name);
    while (this.ports.has(own)) own = this.paramNames.unique(name);
    this.ports.add(own);
    this.countValues(1, place);
    return this.remember(key, this.builder.param(own, { ...type, data }));
  }
}
