import type binaryen from 'binaryen';
import { CONTROL, type ControlWord, SLEEP_MS, SLEEP_ROUNDS, THREAD_BITS } from './runtime/control.ts';
import { toolchain } from './toolchain.ts';

type Expression = binaryen.ExpressionRef;

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
  private readonly m: binaryen.Module;
  private readonly control: number;
  private readonly i32 = toolchain().i32;
  private readonly none = toolchain().none;
  private labels = 0;

  constructor(module: binaryen.Module, control: number) {
    this.m = module;
    this.control = control;
  }

  private c(value: number): Expression {
    return this.m.i32.const(value);
  }
  private address(word: ControlWord): Expression {
    return this.c((this.control + CONTROL[word]) | 0);
  }
  private read(word: ControlWord): Expression {
    return this.m.i32.atomic.load(0, this.address(word));
  }
  private write(word: ControlWord, value: Expression): Expression {
    return this.m.i32.atomic.store(0, this.address(word), value);
  }
  /** Adds and gives the value before. */
  private add(word: ControlWord, value: number): Expression {
    return this.m.i32.atomic.rmw.add(0, this.address(word), this.c(value));
  }
  private notify(word: ControlWord, count: number): Expression {
    return this.m.drop(this.m.memory.atomic.notify(this.address(word), this.c(count)));
  }
  /** Sleeps while the word is `value`. */
  private sleep(word: ControlWord, value: Expression, ms?: number): Expression {
    const time = this.m.i64.const(ms === undefined ? -1n : BigInt(ms) * NANOSECONDS);
    return this.m.memory.atomic.wait32(this.address(word), value, time);
  }
  private get(local: number): Expression {
    return this.m.local.get(local, this.i32);
  }
  private let(local: number, value: Expression): Expression {
    return this.m.local.set(local, value);
  }
  private block(statements: readonly Expression[]): Expression {
    return this.m.block(null, [...statements]);
  }
  /** Repeats `body`, which goes round again by the branch that it is given, and otherwise falls out. */
  private loop(body: (again: () => Expression) => readonly Expression[]): Expression {
    const label = `round${this.labels++}`;
    return this.m.loop(label, this.block(body(() => this.m.br(label))));
  }
  /** Goes round again while the counter is not 0. */
  private countDown(local: number, again: () => Expression): Expression {
    return this.m.if(this.get(local), this.block([this.let(local, this.m.i32.sub(this.get(local), this.c(1))), again()]));
  }
  private define(name: string, params: number, results: binaryen.Type, locals: number, body: readonly Expression[]): void {
    const type = toolchain().createType(new Array<binaryen.Type>(params).fill(this.i32));
    const block = this.m.block(null, [...body], results);
    this.m.addFunction(name, type, results, new Array<binaryen.Type>(locals).fill(this.i32), block);
  }

  /** dispatch(step, thread, threads): the share of a thread in a parallel step. */
  dispatch(names: readonly string[]): void {
    const labels = names.map((_, i) => `step${i}`);
    const [last] = labels.slice(-1);
    if (last === undefined) return;
    // br_table leaves the innermost blocks first: behind the block of step i stands its call
    const body = names.reduce(
      (inner, name, i) =>
        this.block([this.m.block(`step${i}`, [inner]), this.m.call(name, [this.get(1), this.get(2)], this.none), this.m.return()]),
      this.m.switch(labels, last, this.get(0)),
    );
    this.define('dispatch', 3, this.none, 0, [body]);
  }

  /** together(step): publishes a step, does the share of thread 0 and waits for the others; 1 when one of them is lost. */
  together(threads: number): void {
    const [step, now, spins, slept] = [0, 1, 2, 3];
    const { i32 } = this.m;
    const others = (): Expression => i32.sub(this.get(now), this.c(1));
    const publish = [
      this.write('step', this.get(step)),
      this.write('done', this.c(0)),
      this.write(
        'work',
        i32.or(i32.shl(i32.add(i32.shr_u(this.read('work'), this.c(THREAD_BITS)), this.c(1)), this.c(THREAD_BITS)), this.get(now)),
      ),
      this.m.if(this.read('idle'), this.notify('work', -1)),
    ];
    const lost = (): Expression => this.block([this.write('failed', this.c(1)), this.m.return(this.c(1))]);
    const count = [
      this.let(slept, i32.add(this.get(slept), this.c(1))),
      this.m.if(i32.ge_u(this.get(slept), this.read('patience')), lost()),
    ];
    // the word is read again by the sleep itself, so that no notification is missed
    const doze = (): Expression =>
      this.block([
        this.write('waiting', this.c(1)),
        this.let(spins, this.read('done')),
        this.m.if(
          i32.and(i32.ne(this.get(spins), others()), i32.eqz(this.read('failed'))),
          this.m.if(i32.eq(this.sleep('done', this.get(spins), SLEEP_MS), this.c(TIMED_OUT)), this.block([...count])),
        ),
        this.write('waiting', this.c(0)),
        this.let(spins, this.c(0)),
      ]);
    const look = (): Expression =>
      this.block([
        this.let(slept, i32.add(this.get(slept), this.c(1))),
        this.m.if(i32.ge_u(this.get(slept), this.read('patience')), lost()),
        this.let(spins, this.c(SLEEP_ROUNDS)),
      ]);
    this.define('together', 1, this.i32, 3, [
      this.let(now, i32.add(this.read('joined'), this.c(1))),
      this.m.if(i32.gt_u(this.get(now), this.c(threads)), this.let(now, this.c(threads))),
      this.m.if(i32.gt_u(this.get(now), this.c(1)), this.block(publish)),
      this.m.call('dispatch', [this.get(step), this.c(0), this.get(now)], this.none),
      this.m.if(i32.eq(this.get(now), this.c(1)), this.m.return(this.c(0))),
      this.let(spins, this.read('spins')),
      this.loop((again) => [
        this.m.if(this.read('failed'), this.m.return(this.c(1))),
        this.m.if(i32.eq(this.read('done'), others()), this.m.return(this.c(0))),
        this.countDown(spins, again),
        this.m.if(this.read('maySleep'), doze(), look()),
        again(),
      ]),
      this.m.unreachable(),
    ]);
  }

  /** work(): what a thread does from when it comes until it is sent away. */
  work(): void {
    const [seen, now, thread, threads, spins] = [0, 1, 2, 3, 4];
    const { i32 } = this.m;
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
        this.m.call('dispatch', [this.read('step'), this.get(thread), this.get(threads)], this.none),
        this.m.drop(this.add('done', 1)),
        this.m.if(this.read('waiting'), this.notify('done', 1)),
      ]);
    this.define('work', 0, this.none, 5, [
      // what was published before this thread has come is not its to do
      this.let(seen, this.read('work')),
      this.m.if(this.read('closed'), this.m.return()),
      this.let(thread, i32.add(this.add('joined', 1), this.c(1))),
      this.loop((round) => [
        this.let(spins, this.read('spins')),
        this.loop((again) => [
          this.let(now, this.read('work')),
          this.m.if(i32.eq(this.get(now), this.get(seen)), this.block([this.countDown(spins, again), sleep(), again()])),
        ]),
        this.let(seen, this.get(now)),
        this.let(threads, i32.and(this.get(now), this.c(most))),
        this.m.if(i32.eqz(this.get(threads)), this.m.return()),
        this.m.if(i32.lt_u(this.get(thread), this.get(threads)), share()),
        round(),
      ]),
    ]);
  }

  /** run(): all steps; 1 when a thread is lost. */
  run(steps: readonly StepFunction[]): void {
    let parallel = 0;
    const calls = steps.map(({ name, parallel: shared }) =>
      shared
        ? this.m.if(this.m.call('together', [this.c(parallel++)], this.i32), this.m.return(this.c(1)))
        : this.m.call(name, [this.c(0), this.c(1)], this.none),
    );
    this.define('run', 0, this.i32, 0, [...calls, this.c(0)]);
  }
}

/** Adds run(), together() and work() for steps of which at least one is parallel. @param control - address of the control block */
export const addThreadedRun = (module: binaryen.Module, steps: readonly StepFunction[], control: number, threads: number): void => {
  const code = new ThreadCode(module, control);
  code.dispatch(steps.filter((s) => s.parallel).map((s) => s.name));
  code.together(threads);
  code.work();
  code.run(steps);
};
