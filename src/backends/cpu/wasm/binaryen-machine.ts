import type binaryen from 'binaryen';
import { invariant } from '../../../support/index.ts';
import type { Access, FunctionBody, Kind, LaneBits, Machine, NamespaceName, Ref, VectorLoad } from '../simd/index.ts';
import { toolchain } from './toolchain.ts';

const MEMORY = 'memory';

/** Most pages that a module may ask for; the host makes the memory exact. */
const MOST_PAGES = 65536;

const isBuilder = (value: unknown): value is (...args: readonly Ref[]) => Ref => typeof value === 'function';

/** The machine itself: one WebAssembly module built by binaryen, over one imported memory. */
export class BinaryenMachine implements Machine {
  readonly module: binaryen.Module;
  private labels = 0;
  private readonly builders = new Map<string, (...args: readonly Ref[]) => Ref>();

  constructor({ shared = false }: { readonly shared?: boolean } = {}) {
    const { Module, Features } = toolchain();
    this.module = new Module();
    this.module.setFeatures(
      Features.SIMD128 |
        Features.BulkMemory |
        Features.BulkMemoryOpt |
        Features.NontrappingFPToInt |
        Features.SignExt |
        Features.MutableGlobals |
        (shared ? Features.Atomics : 0),
    );
    // Loads and stores name their memory when they are built. Any size fits this import; the host makes it exact.
    this.module.setMemory(1, MOST_PAGES, null, [], shared, false, MEMORY);
    this.module.addMemoryImport(MEMORY, 'env', 'memory', shared);
  }

  private typeOf(kind: Kind): binaryen.Type {
    return toolchain()[kind];
  }

  private builder(space: NamespaceName, path: string): (...args: readonly Ref[]) => Ref {
    const name = `${space}.${path}`;
    let build = this.builders.get(name);
    if (build === undefined) {
      let member: unknown = this.module[space];
      for (const part of path.split('.')) {
        invariant((typeof member === 'object' && member !== null) || typeof member === 'function', `binaryen has no instruction ${name}`);
        member = Object.entries(member).find(([key]) => key === part)?.[1];
      }
      invariant(isBuilder(member), `binaryen has no instruction ${name}`);
      build = member;
      this.builders.set(name, build);
    }
    return build;
  }

  op(space: NamespaceName, path: string, args: readonly Ref[]): Ref {
    return this.builder(space, path)(...args);
  }

  constant(kind: Exclude<Kind, 'v128'>, value: number | bigint): Ref {
    switch (kind) {
      case 'f32':
        return this.module.f32.const(Number(value));
      case 'f64':
        return this.module.f64.const(Number(value));
      case 'i64':
        return this.module.i64.const(BigInt(value));
      case 'i32':
        return this.module.i32.const(Number(value) | 0);
      default:
        return kind satisfies never;
    }
  }

  zeroVector(): Ref {
    return this.module.v128.const(new Uint8Array(16));
  }

  get(local: number, kind: Kind): Ref {
    return this.module.local.get(local, this.typeOf(kind));
  }

  set(local: number, value: Ref): Ref {
    return this.module.local.set(local, value);
  }

  private block(statements: readonly Ref[]): Ref {
    return this.module.block(null, [...statements]);
  }

  if(condition: Ref, then: readonly Ref[], otherwise: readonly Ref[] | undefined): Ref {
    const yes = this.block(then);
    return otherwise === undefined ? this.module.if(condition, yes) : this.module.if(condition, yes, this.block(otherwise));
  }

  while(condition: Ref, body: readonly Ref[]): Ref {
    const label = `l${this.labels++}`;
    return this.module.loop(label, this.module.if(condition, this.block([...body, this.module.br(label)])));
  }

  call(name: string, args: readonly Ref[], result: Kind | undefined): Ref {
    return this.module.call(name, [...args], result === undefined ? toolchain().none : this.typeOf(result));
  }

  select(condition: Ref, yes: Ref, no: Ref): Ref {
    return this.module.select(condition, yes, no);
  }

  load(access: Access, offset: number, address: Ref): Ref {
    const { i32, i64, f32, f64 } = this.module;
    switch (access) {
      case 'i8':
        return i32.load8_s(offset, 1, address);
      case 'u8':
        return i32.load8_u(offset, 1, address);
      case 'i16':
        return i32.load16_s(offset, 1, address);
      case 'i32':
        return i32.load(offset, 1, address);
      case 'i64':
        return i64.load(offset, 1, address);
      case 'f32':
        return f32.load(offset, 1, address);
      case 'f64':
        return f64.load(offset, 1, address);
      default:
        return access satisfies never;
    }
  }

  store(access: Access, offset: number, address: Ref, value: Ref): Ref {
    const { i32, i64, f32, f64 } = this.module;
    switch (access) {
      case 'i8':
      case 'u8':
        return i32.store8(offset, 1, address, value);
      case 'i16':
        return i32.store16(offset, 1, address, value);
      case 'i32':
        return i32.store(offset, 1, address, value);
      case 'i64':
        return i64.store(offset, 1, address, value);
      case 'f32':
        return f32.store(offset, 1, address, value);
      case 'f64':
        return f64.store(offset, 1, address, value);
      default:
        return access satisfies never;
    }
  }

  vectorLoad(how: VectorLoad, offset: number, address: Ref): Ref {
    return this.module.v128[how](offset, 1, address);
  }

  vectorStore(offset: number, address: Ref, vector: Ref): Ref {
    return this.module.v128.store(offset, 1, address, vector);
  }

  loadLane(bits: LaneBits, offset: number, lane: number, address: Ref, vector: Ref): Ref {
    return this.module.v128[`load${bits}_lane`](offset, 1, lane, address, vector);
  }

  storeLane(bits: LaneBits, offset: number, lane: number, address: Ref, vector: Ref): Ref {
    return this.module.v128[`store${bits}_lane`](offset, 1, lane, address, vector);
  }

  extractLane(space: 'i32x4' | 'i64x2' | 'f32x4', vector: Ref, lane: number): Ref {
    return this.module[space].extract_lane(vector, lane);
  }

  shuffle(a: Ref, b: Ref, bytes: readonly number[]): Ref {
    return this.module.i8x16.shuffle(a, b, [...bytes]);
  }

  bitselect(yes: Ref, no: Ref, mask: Ref): Ref {
    return this.module.v128.bitselect(yes, no, mask);
  }

  copy(to: Ref, from: Ref, bytes: Ref): Ref {
    return this.module.memory.copy(to, from, bytes);
  }

  fill(to: Ref, value: Ref, bytes: Ref): Ref {
    return this.module.memory.fill(to, value, bytes);
  }

  define({ name, params, result, locals, statements, value }: FunctionBody): void {
    const { createType, none } = toolchain();
    const paramType = params.length === 0 ? none : createType(params.map((p) => this.typeOf(p)));
    const resultType = result === undefined ? none : this.typeOf(result);
    const body = this.module.block(null, value === undefined ? [...statements] : [...statements, value], resultType);
    this.module.addFunction(
      name,
      paramType,
      resultType,
      locals.map((k) => this.typeOf(k)),
      body,
    );
  }

  /** Encodes the module with its memory imported as env.memory. @param exports - functions to export under their names */
  finish(exports: readonly string[]): Uint8Array {
    for (const name of exports) this.module.addFunctionExport(name, name);
    const binary = this.module.emitBinary();
    this.module.dispose();
    return binary;
  }
}
