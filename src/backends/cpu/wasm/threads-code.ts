import type { Ref } from '../simd/index.ts';
import { CONTROL, type ControlWord, SLEEP_MS, SLEEP_ROUNDS, THREAD_BITS } from './runtime/control.ts';
import type { WasmMachine } from './wasm-machine.ts';

type Expression = Ref;

/** One step of the run: the function (thread, threads) that does it. */
export interface StepFunction {
  readonly name: string;
  readonly parallel: boolean;
}

const NANOSECONDS = 1_000_000n;
/** What memory.atomic.wait32 gives when the time is over (threads proposal, "wait"). */
const TIMED_OUT = 2;

/**
 * Functions by which threads share a run. The caller's thread runs serial steps alone. For a parallel step it publishes the step and how
 * many threads there are now, does its own share, and waits until the others have done theirs; both sides look for a while before they
 * sleep. Threads that come late join at the next parallel step, and none is waited for before it has come. What is shared out depends on
 * the number of threads, the bytes do not.
 */
class ThreadCode {
  private readonly m: WasmMachine;
  private readonly control: number;
  private labels = 0;

  constructor(machine: WasmMachine, control: number) {
    this.m = machine;
    this.control = control;
  }

  private c(value: number): Expression {
    return this.m.constant('i32', value);
  }
  /** An instruction on i32. */
  private op(path: string, ...args: readonly Expression[]): Expression {
    return this.m.op('i32', path, args);
  }
  private address(word: ControlWord): Expression {
    return this.c((this.control + CONTROL[word]) | 0);
  }
  private read(word: ControlWord): Expression {
    return this.m.atomicLoad(this.address(word));
  }
  private write(word: ControlWord, value: Expression): Expression {
    return this.m.atomicStore(this.address(word), value);
  }
  /** Adds and gives the value before. */
  private add(word: ControlWord, value: number): Expression {
    return this.m.atomicAdd(this.address(word), this.c(value));
  }
  private notify(word: ControlWord, count: number): Expression {
    return this.m.drop(this.m.notify(this.address(word), this.c(count)));
  }
  /** Sleeps while the word is `value`. */
  private sleep(word: ControlWord, value: Expression, ms?: number): Expression {
    return this.m.wait(this.address(word), value, this.m.constant('i64', ms === undefined ? -1n : BigInt(ms) * NANOSECONDS));
  }
  private get(local: number): Expression {
    return this.m.get(local);
  }
  private let(local: number, value: Expression): Expression {
    return this.m.set(local, value);
  }
  private block(statements: readonly Expression[]): Expression {
    return this.m.block(statements);
  }
  private if(condition: Expression, then: Expression, otherwise?: Expression): Expression {
    return this.m.if(condition, [then], otherwise === undefined ? undefined : [otherwise]);
  }
  /** Repeats `body`, which goes round again by the branch that it is given, and otherwise falls out. */
  private loop(body: (again: () => Expression) => readonly Expression[]): Expression {
    const label = `round${this.labels++}`;
    return this.m.loop(
      label,
      body(() => this.m.br(label)),
    );
  }
  /** Goes round again while the counter is not 0. */
  private countDown(local: number, again: () => Expression): Expression {
    return this.if(this.get(local), this.block([this.let(local, this.op('sub', this.get(local), this.c(1))), again()]));
  }
  private define(name: string, params: number, result: 'i32' | undefined, locals: number, statements: readonly Expression[]): void {
    const words = (count: number): 'i32'[] => new Array<'i32'>(count).fill('i32');
    this.m.define({ name, params: words(params), result, locals: words(locals), statements, value: undefined });
  }

  /** dispatch(step, thread, threads): the share of a thread in a parallel step. */
  dispatch(names: readonly string[]): void {
    const among = (of: readonly string[], first: number): Expression => {
      const [name] = of;
      if (name === undefined) return this.m.unreachable();
      if (of.length === 1) return this.m.call(name, [this.get(1), this.get(2)]);
      const half = of.length >> 1;
      const isBefore = this.op('lt_u', this.get(0), this.c(first + half));
      return this.if(isBefore, among(of.slice(0, half), first), among(of.slice(half), first + half));
    };
    this.define('dispatch', 3, undefined, 0, [among(names, 0)]);
  }

  /** together(step): publishes a step, does the share of thread 0 and waits for the others; 1 when one of them is lost. */
  together(threads: number): void {
    const [step, now, spins, slept] = [0, 1, 2, 3];
    const others = (): Expression => this.op('sub', this.get(now), this.c(1));
    const publish = [
      this.write('step', this.get(step)),
      this.write('done', this.c(0)),
      this.write(
        'work',
        this.op(
          'or',
          this.op('shl', this.op('add', this.op('shr_u', this.read('work'), this.c(THREAD_BITS)), this.c(1)), this.c(THREAD_BITS)),
          this.get(now),
        ),
      ),
      this.if(this.read('idle'), this.notify('work', -1)),
    ];
    const lost = (): Expression => this.block([this.write('failed', this.c(1)), this.m.return(this.c(1))]);
    const count = [
      this.let(slept, this.op('add', this.get(slept), this.c(1))),
      this.if(this.op('ge_u', this.get(slept), this.read('patience')), lost()),
    ];
    // the word is read again by the sleep itself, so that no notification is missed
    const doze = (): Expression =>
      this.block([
        this.write('waiting', this.c(1)),
        this.let(spins, this.read('done')),
        this.if(
          this.op('and', this.op('ne', this.get(spins), others()), this.op('eqz', this.read('failed'))),
          this.if(this.op('eq', this.sleep('done', this.get(spins), SLEEP_MS), this.c(TIMED_OUT)), this.block([...count])),
        ),
        this.write('waiting', this.c(0)),
        this.let(spins, this.c(0)),
      ]);
    const look = (): Expression =>
      this.block([
        this.let(slept, this.op('add', this.get(slept), this.c(1))),
        this.if(this.op('ge_u', this.get(slept), this.read('patience')), lost()),
        this.let(spins, this.c(SLEEP_ROUNDS)),
      ]);
    this.define('together', 1, 'i32', 3, [
      this.let(now, this.op('add', this.read('joined'), this.c(1))),
      this.if(this.op('gt_u', this.get(now), this.c(threads)), this.let(now, this.c(threads))),
      this.if(this.op('gt_u', this.get(now), this.c(1)), this.block(publish)),
      this.m.call('dispatch', [this.get(step), this.c(0), this.get(now)]),
      this.if(this.op('eq', this.get(now), this.c(1)), this.m.return(this.c(0))),
      this.let(spins, this.read('spins')),
      this.loop((again) => [
        this.if(this.read('failed'), this.m.return(this.c(1))),
        this.if(this.op('eq', this.read('done'), others()), this.m.return(this.c(0))),
        this.countDown(spins, again),
        this.if(this.read('maySleep'), doze(), look()),
        again(),
      ]),
      this.m.unreachable(),
    ]);
  }

  /** work(): what a thread does from when it comes until it is sent away. */
  work(): void {
    const [seen, now, thread, threads, spins] = [0, 1, 2, 3, 4];
    const most = 2 ** THREAD_BITS - 1;
    // whoever wakes it before there is work, as a run that begins does, wants it to look
    const sleep = (): Expression =>
      this.block([
        this.m.drop(this.add('idle', 1)),
        this.m.drop(this.sleep('work', this.get(seen))),
        this.m.drop(this.add('idle', -1)),
        this.let(spins, this.read('spins')),
      ]);
    const share = (): Expression =>
      this.block([
        this.m.call('dispatch', [this.read('step'), this.get(thread), this.get(threads)]),
        this.m.drop(this.add('done', 1)),
        this.if(this.read('waiting'), this.notify('done', 1)),
      ]);
    this.define('work', 0, undefined, 5, [
      // what was published before this thread has come is not its to do
      this.let(seen, this.read('work')),
      this.if(this.read('closed'), this.m.return()),
      this.let(thread, this.op('add', this.add('joined', 1), this.c(1))),
      this.loop((round) => [
        this.let(spins, this.read('spins')),
        this.loop((again) => [
          this.let(now, this.read('work')),
          this.if(this.op('eq', this.get(now), this.get(seen)), this.block([this.countDown(spins, again), sleep(), again()])),
        ]),
        this.let(seen, this.get(now)),
        this.let(threads, this.op('and', this.get(now), this.c(most))),
        this.if(this.op('eqz', this.get(threads)), this.m.return()),
        this.if(this.op('lt_u', this.get(thread), this.get(threads)), share()),
        round(),
      ]),
    ]);
  }

  /** run(): all steps; 1 when a thread is lost. */
  run(steps: readonly StepFunction[]): void {
    let parallel = 0;
    const calls = steps.map(({ name, parallel: shared }) =>
      shared ? this.if(this.m.call('together', [this.c(parallel++)]), this.m.return(this.c(1))) : this.m.call(name, [this.c(0), this.c(1)]),
    );
    this.define('run', 0, 'i32', 0, [...calls, this.c(0)]);
  }
}

/** Adds run(), together() and work() for steps of which at least one is parallel. @param control - address of the control block */
export const addThreadedRun = (machine: WasmMachine, steps: readonly StepFunction[], control: number, threads: number): void => {
  const code = new ThreadCode(machine, control);
  code.dispatch(steps.filter((s) => s.parallel).map((s) => s.name));
  code.together(threads);
  code.work();
  code.run(steps);
};
