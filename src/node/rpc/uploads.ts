import { toHex } from '../../support/index.ts';
import type { ManagedStore, PackageDraft } from '../store/contract.ts';

interface Open {
  readonly draft: PackageDraft;
  /** Requests that work on it. */
  busy: number;
  idle: ReturnType<typeof setTimeout> | undefined;
  finishing: Promise<string | undefined> | undefined;
}

/** Uploads at a time. */
const MAX_OPEN = 16;
const IDLE_MS = 15_000;

/** Drafts that clients write to, part by part: they stay open between two parts, and are laid aside when none comes. */
export class Uploads {
  private readonly open = new Map<string, Open>();
  private readonly store: ManagedStore;

  constructor(store: ManagedStore) {
    this.store = store;
  }

  /** Works on a draft. @returns undefined: the package is there; a string: why it is not taken */
  async with<T>(hash: Uint8Array, size: number, work: (open: Open) => Promise<T>): Promise<T | string | undefined> {
    const name = toHex(hash);
    let open = this.open.get(name);
    if (open === undefined) {
      if (this.open.size >= MAX_OPEN) return `NOD0063 ${MAX_OPEN} packages are being uploaded: ask again later`;
      const draft = await this.store.draft(hash, size);
      if (draft === undefined || typeof draft === 'string') return draft;
      open = { draft, busy: 0, idle: undefined, finishing: undefined };
      this.open.set(name, open);
    }
    if (open.draft.size !== size) return `NOD0061 the package is being uploaded with ${open.draft.size} bytes, not ${size}`;
    clearTimeout(open.idle);
    open.busy++;
    try {
      return await work(open);
    } finally {
      open.busy--;
      const held = open;
      if (open.busy === 0 && this.open.get(name) === open) {
        open.idle = setTimeout(() => void this.layAside(name, held), IDLE_MS);
        open.idle.unref();
      }
    }
  }

  /** Checks a draft that is whole; those who ask at the same time get the same answer. */
  async finish(open: Open): Promise<string | undefined> {
    open.finishing ??= open.draft.finish();
    try {
      return await open.finishing;
    } finally {
      this.open.delete(toHex(open.draft.hash));
      clearTimeout(open.idle);
    }
  }

  private async layAside(name: string, open: Open): Promise<void> {
    if (open.busy > 0 || this.open.get(name) !== open) return;
    this.open.delete(name);
    // a disk that is full now is told to whoever goes on
    await open.draft.close().catch(() => undefined);
  }

  /** What is there of a package that is on its way. */
  progress(hash: Uint8Array): PackageDraft | undefined {
    return this.open.get(toHex(hash))?.draft;
  }

  async close(): Promise<void> {
    for (const [name, open] of this.open) {
      clearTimeout(open.idle);
      this.open.delete(name);
      await open.draft.close().catch(() => undefined);
    }
  }
}
