import type { Json } from './json.ts';

/** Wall time of the named steps of a command. */
export class Phases {
  private readonly now: () => number;
  private readonly times: [string, number][] = [];

  constructor(now: () => number) {
    this.now = now;
  }

  /** Runs a step and adds its time. */
  time<T>(name: string, action: () => T): T {
    const started = this.now();
    const value = action();
    this.times.push([name, this.now() - started]);
    return value;
  }

  async timeAsync<T>(name: string, action: () => Promise<T>): Promise<T> {
    const started = this.now();
    const value = await action();
    this.times.push([name, this.now() - started]);
    return value;
  }

  /** Moves time that one step spent on another one's work. */
  move(from: string, to: string, ms: number): void {
    const entry = this.times.find(([name]) => name === from);
    if (entry === undefined) return;
    entry[1] -= ms;
    this.times.splice(this.times.indexOf(entry), 0, [to, ms]);
  }

  entries(): readonly (readonly [string, number])[] {
    return this.times;
  }

  total(): number {
    return this.times.reduce((sum, [, ms]) => sum + ms, 0);
  }

  json(): Json {
    return Object.fromEntries(this.times.map(([name, ms]) => [name, ms]));
  }
}
