import { diagnostic, fail, joinBytes, ok, type Result, sha256Hex } from '../../../support/index.ts';
import type { FillStep } from '../simd/index.ts';
import type { Filling, WeightsPart } from './browser/manifest.ts';

/** The weights file of several programs with the same parameters: what they share lies there once. */
export class WeightsFile {
  private readonly pieces: Uint8Array[] = [];
  private readonly places = new Map<string, number>();
  private readonly most: number;
  private bytes = 0;

  /** @param most - bytes that the file may have */
  constructor(most: number) {
    this.most = most;
  }

  /** The place of some bytes in the file. */
  private place(bytes: Uint8Array): number {
    const digest = sha256Hex(bytes);
    const known = this.places.get(digest);
    if (known !== undefined) return known;
    const offset = this.bytes;
    this.places.set(digest, offset);
    this.bytes += bytes.length;
    // too much is counted only; what a parameter of a file lends may change when the next one is read
    if (this.bytes <= this.most) this.pieces.push(bytes.slice());
    return offset;
  }

  /** Takes in what a program needs before its first run. */
  add(steps: readonly FillStep[]): readonly Filling[] {
    return steps.flatMap(({ parts, call }): readonly Filling[] => {
      const placed = Array.from(parts, ({ address, bytes }): WeightsPart => [address, this.place(bytes), bytes.length]);
      if (call === undefined && placed.length === 0) return [];
      return [{ parts: placed, ...(call === undefined ? {} : { call }) }];
    });
  }

  /** Error: NAT0011 for more than a file may have. */
  finish(): Result<{ readonly content: Uint8Array; readonly sha256: string }> {
    if (this.bytes > this.most)
      return fail(
        diagnostic('NAT0011', `the program has ${this.bytes} bytes of parameters, and an emitted folder takes ${this.most}`, {
          notes: ['Run it with `cortexc run --backend native`, which maps parameters of any size.'],
        }),
      );
    const content = joinBytes(this.pieces);
    return ok({ content, sha256: sha256Hex(content) });
  }
}
