import { canonicalBytes } from '../../ir/index.ts';
import type { CalibrationSample, SampleSource } from '../../passes/index.ts';
import { MrlError, Sha256 } from '../../support/index.ts';
import type { OpenSamples } from './sample-files.ts';

/** Samples whose digest is made while they are read: a sample that is next in order is added to it. */
export class DigestedSamples implements SampleSource {
  readonly count: number;
  readonly source: OpenSamples;
  private readonly hash = new Sha256();
  private next = 0;
  private known: string | undefined;

  constructor(source: OpenSamples) {
    this.source = source;
    this.count = source.count;
  }

  read(index: number): CalibrationSample {
    const sample = this.source.read(index);
    if (index === this.next && this.known === undefined) {
      for (const tensor of sample) this.hash.update(canonicalBytes(tensor));
      this.next++;
    }
    return sample;
  }

  /** Adds the next sample to the digest; false when all are in, or it cannot be read, which whoever uses it will tell. */
  advance(): boolean {
    if (this.known !== undefined || this.next >= this.count) return false;
    try {
      this.read(this.next);
      return true;
    } catch (error) {
      if (error instanceof MrlError) return false;
      throw error;
    }
  }

  /** Takes a digest of the same samples from an earlier run. */
  know(digest: string): void {
    this.known ??= digest;
  }

  digest(): string {
    while (this.known === undefined && this.next < this.count) this.read(this.next);
    this.known ??= this.hash.finish();
    return this.known;
  }
}
