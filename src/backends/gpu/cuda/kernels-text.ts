import type { KernelLaunch } from '../../cpu/simd/index.ts';
import type { PrintedFunction } from '../../cpu/native/c-module.ts';
import type { GpuLaunch } from './lower/launches.ts';
import type { Launch, Unit } from './program.ts';

/** A kernel and what its text needs. */
interface Kernel {
  readonly name: string;
  readonly text: string;
  readonly headers: readonly string[];
  readonly declarations: readonly string[];
  /** Functions of the module that it calls. */
  readonly calls: readonly string[];
}

/** A launch whose unit is not known yet. */
export interface Start extends Omit<Launch, 'unit' | 'hopper'> {
  readonly hopper?: Start;
}

const CALL = /\bf_\w+(?=\()/g;
const callsOf = (text: string): readonly string[] => [...new Set(Array.from(text.matchAll(CALL), ([name]) => name))];

/** Kernels of a program as they are planned. */
export class Kernels {
  private readonly kernels: Kernel[] = [];
  private readonly byBody = new Map<string, string>();

  /** A step of the SIMD machine as a kernel: `threads` threads do its shares. */
  lifted(name: string, step: string, threads: number, block: number): Start {
    const own = Math.min(block, threads);
    const call = threads === 1 ? '0, 1' : 'CXG_THREAD, CXG_THREADS';
    const text = `CXG_KERNEL(${name}, ${own}) { ${step}(&e, ${call}); }\n`;
    this.kernels.push({ name, text, headers: [], declarations: [], calls: [step] });
    return { kernel: name, grid: [Math.ceil(threads / own), 1, 1], block: own, sharedBytes: 0 };
  }

  /** A kernel of a template. One whose text is that of an earlier one is that one. */
  template(name: string, launch: GpuLaunch): Start {
    const own = this.one(name, launch, (body) => `  ${body}\n`);
    if (launch.hopper === undefined) return own;
    // other architectures have a kernel of that name, which costs their compilers nothing
    const only = (body: string): string => `#if CXG_HAS_WGMMA\n  ${body}\n#else\n  cxg_trap();\n#endif\n`;
    return { ...own, hopper: this.one(`${name}_sm90`, launch.hopper, only) };
  }

  private one(name: string, launch: KernelLaunch, wrap: (body: string) => string): Start {
    const { grid, block, sharedBytes, headers } = launch;
    const body = wrap(launch.body());
    const declarations = launch.declarations?.() ?? [];
    const key = JSON.stringify([block, body, declarations]);
    const known = this.byBody.get(key);
    if (known === undefined) {
      this.byBody.set(key, name);
      const text = `CXG_KERNEL(${name}, ${block}) {\n${body}}\n`;
      this.kernels.push({ name, text, headers, declarations, calls: [] });
    }
    return { kernel: known ?? name, grid, block, sharedBytes };
  }

  /** Divides the kernels among units of about the same work for the compiler. */
  units(
    functions: readonly PrintedFunction[],
    most: number,
  ): { readonly units: readonly Unit[]; readonly unitOf: ReadonlyMap<string, number> } {
    const texts = new Map(functions.map((f) => [f.name, f.text]));
    const calls = new Map(functions.map((f) => [f.name, callsOf(f.text).filter((name) => name !== f.name)]));
    const groups = groupsOf(this.kernels, texts, most);
    const unitOf = new Map<string, number>();
    const units = groups.map((group, i): Unit => {
      for (const { name } of group) unitOf.set(name, i);
      const needed = closure(
        group.flatMap((k) => k.calls),
        calls,
      );
      const own = functions.filter((f) => needed.has(f.name));
      const headers = ['cxg_lift.cuh', ...new Set(group.flatMap((k) => k.headers))];
      const declarations = [...new Set(group.flatMap((k) => k.declarations))];
      const text = [
        headers.map((h) => `#include "${h}"\n`).join(''),
        ...declarations.map((d) => `${d}\n`),
        ...own.map((f) => f.text),
        ...group.map((k) => k.text),
      ].join('\n');
      return { name: groups.length === 1 ? 'program.cu' : `program_${i}.cu`, text };
    });
    return { units, unitOf };
  }
}

/** All functions that these call, directly or not. */
const closure = (names: readonly string[], calls: ReadonlyMap<string, readonly string[]>): ReadonlySet<string> => {
  const found = new Set<string>();
  const open = [...names];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (found.has(name)) continue;
    found.add(name);
    open.push(...(calls.get(name) ?? []));
  }
  return found;
};

/** What a template costs the compiler, in characters of plain functions. */
const TEMPLATE_WEIGHT = 12_000;
/** A unit is worth a process of the compiler from so many characters on. */
const UNIT_WEIGHT = 60_000;

const groupsOf = (kernels: readonly Kernel[], texts: ReadonlyMap<string, string>, most: number): readonly (readonly Kernel[])[] => {
  const weightOf = ({ calls, headers }: Kernel): number =>
    (headers.length > 0 ? TEMPLATE_WEIGHT : 500) + calls.reduce((n, name) => n + (texts.get(name)?.length ?? 0), 0);
  const total = kernels.reduce((n, k) => n + weightOf(k), 0);
  const count = Math.min(Math.max(Math.ceil(total / UNIT_WEIGHT), 1), most);
  const groups: Kernel[][] = [];
  let weight = 0;
  for (const kernel of kernels) {
    const index = Math.min(Math.floor((weight / Math.max(total, 1)) * count), count - 1);
    (groups[index] ??= []).push(kernel);
    weight += weightOf(kernel);
  }
  return groups.filter((g) => g.length > 0);
};
