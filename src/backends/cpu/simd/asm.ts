import { Fn, type FnHost } from './fn.ts';
import { type Lifted, lift } from './lift.ts';
import type { Kind, Machine } from './machine.ts';

/** A module under construction: a set of functions over one linear memory. */
export class Asm implements FnHost {
  readonly machine: Machine;
  /** Instructions that take expressions only, by type: `ops.i32x4.add(a, b)`. */
  readonly ops: Lifted;
  private readonly defined = new Map<string, Kind | undefined>();

  constructor(machine: Machine) {
    this.machine = machine;
    this.ops = lift(machine);
  }

  /** Defines a function unless one of this name exists: the name says everything that its body depends on. */
  define(name: string, params: readonly Kind[], result: Kind | undefined, build: (f: Fn) => void): string {
    if (this.defined.has(name)) return name;
    this.defined.set(name, result);
    const f = new Fn(this, params);
    build(f);
    this.machine.define({ name, params, result, locals: f.localKinds, ...f.body() });
    return name;
  }

  /** Whether a function of this name is defined. */
  has(name: string): boolean {
    return this.defined.has(name);
  }

  resultOf(name: string): Kind | undefined {
    return this.defined.get(name);
  }
}
