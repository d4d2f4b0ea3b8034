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
