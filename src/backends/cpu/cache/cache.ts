import { chmodSync, mkdtempSync, readdirSync, renameSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { type Diagnostic, diagnostic } from '../../../support/index.ts';
import { distrust } from './trust.ts';
import { causeOf, isSystemError, makeFolder, publish, readIfThere, removeQuietly, scratchFolder, seal, unseal } from './files.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export interface CacheOptions {
  /** The folder; absent: CORTEXC_CACHE, else $XDG_CACHE_HOME/cortexc, else ~/.cache/cortexc. */
  readonly folder?: string | undefined;
  /** Bytes that entries may take together; the entry that was written last may exceed it alone. */
  readonly limitBytes?: number;
  readonly env?: Environment;
  /** Where a temporary folder is made when the folder cannot be used; absent: where the system has such. */
  readonly temporary?: string;
}

const DEFAULT_LIMIT_BYTES = 2 * 2 ** 30;
/** Version of the layout on disk. */
const LAYOUT = 'v1';
/** objects: compiled files that programs share; programs: shared libraries; parameters: parameter files; names: what a name stands for. */
const KINDS = ['objects', 'programs', 'parameters', 'names'] as const;
type Kind = (typeof KINDS)[number];
/** Times of use are written no more often than this: reading the cache should not write. */
const TOUCH_AFTER_MS = 60 * 60 * 1000;
const STALE_AFTER_MS = 24 * 60 * 60 * 1000;
/** Names are small, but every build of the compiler gives its own. */
const FORGET_AFTER_MS = 60 * 24 * 60 * 60 * 1000;
const RECORD = 'record';

export const cacheFolder = ({ folder, env = process.env }: CacheOptions = {}): string => {
  const given = folder ?? env['CORTEXC_CACHE'];
  if (given !== undefined && given !== '') return resolve(given);
  const base = env['XDG_CACHE_HOME'];
  // the XDG base directory specification: relative paths there are to be ignored
  if (base !== undefined && isAbsolute(base)) return join(base, 'cortexc');
  const home = env['HOME'] ?? homedir();
  return join(isAbsolute(home) ? home : tmpdir(), '.cache', 'cortexc');
};

const unusable = (folder: string, why: string): Diagnostic =>
  diagnostic('NAT0007', `the cache folder cannot be used: ${why}`, {
    severity: 'warning',
    where: folder,
    notes: [
      'A temporary folder takes its place for this process. Make room, take the right to write away from others (chmod go-w), or name another folder in CORTEXC_CACHE.',
    ],
  });

const unkept = (folder: string, why: string): Diagnostic =>
  diagnostic('NAT0007', `nothing can be kept: ${why}`, {
    severity: 'warning',
    where: folder,
    notes: ['Results are the same, but the next process compiles again. Make room, or name another folder in CORTEXC_CACHE.'],
  });

export const damaged = (path: string, why: string): Diagnostic =>
  diagnostic('NAT0008', `a cached file is damaged and is made anew: ${why}`, {
    severity: 'warning',
    where: path,
    notes: ['If it happens again, remove the cache folder and check its disk.'],
  });

/** An entry of the cache: a folder, and the text of its record. */
export interface Entry {
  readonly folder: string;
  readonly record: string;
}

/**
 * A folder of things that were made once and can be made again. Entries appear whole or not at all, also when several
 * processes write at the same time, and each has a record with a digest of its own. A folder that cannot be used is replaced
 * by a temporary one, with a warning.
 */
export class Cache {
  /** Problems since the last `takeWarnings`. */
  private warnings: Diagnostic[] = [];
  private root: string;
  private temporary = false;
  private trusted = false;
  /** Neither the folder nor a temporary one can be used. */
  private broken = false;
  private readonly limitBytes: number;
  private readonly temporaryParent: string;
  /** Folders of entries that this process found or made: it may be about to open them. */
  private readonly inUse = new Set<string>();

  constructor(options: CacheOptions = {}) {
    this.limitBytes = options.limitBytes ?? DEFAULT_LIMIT_BYTES;
    this.temporaryParent = options.temporary ?? tmpdir();
    this.root = join(cacheFolder(options), LAYOUT);
  }

  get folder(): string {
    return this.root;
  }

  takeWarnings(): readonly Diagnostic[] {
    const taken = this.warnings;
    this.warnings = [];
    return taken;
  }

  warn(warning: Diagnostic): void {
    this.warnings.push(warning);
  }

  private path(kind: Kind, key: string): string {
    this.checkTrust();
    return join(this.root, kind, key);
  }

  /** Nothing is loaded from a folder that others can write to. */
  private checkTrust(): void {
    if (this.trusted) return;
    this.trusted = true;
    let why: string | undefined;
    try {
      why = distrust(this.root);
    } catch (error) {
      // it says why when something is written
      if (!isSystemError(error)) throw error;
    }
    if (why !== undefined) this.replaceRoot(why);
  }

  /** The entry, when there is one whose record is as it was written. A damaged one is warned of. */
  find(kind: Kind, key: string): Entry | undefined {
    const folder = this.path(kind, key);
    const bytes = readIfThere(join(folder, RECORD));
    if (bytes === undefined) return undefined;
    const record = unseal(new TextDecoder().decode(bytes));
    if (record === undefined) {
      this.drop(kind, key, 'its record does not have its digest');
      return undefined;
    }
    this.touch(join(folder, RECORD));
    this.inUse.add(folder);
    return { folder, record };
  }

  /** Removes an entry that is not what it should be, and warns. */
  drop(kind: Kind, key: string, why: string): void {
    const folder = this.path(kind, key);
    this.warn(damaged(folder, why));
    removeQuietly(folder);
  }

  /**
   * Makes an entry: `write` fills a folder and gives the record. When the cache folder fails it is replaced by a temporary
   * one and the entry is made there.
   * @throws whatever `write` throws besides errors of the file system, and those when the temporary folder fails too
   */
  make(kind: Kind, key: string, write: (folder: string) => string): Entry {
    const { root } = this;
    try {
      return this.makeHere(kind, key, write);
    } catch (error) {
      if (!isSystemError(error)) throw error;
      // an entry that this one needed may have replaced the folder already
      if (this.root === root) {
        if (this.temporary) throw error;
        this.replaceRoot(causeOf(error));
      }
      return this.makeHere(kind, key, write);
    }
  }

  private makeHere(kind: Kind, key: string, write: (folder: string) => string): Entry {
    this.prepareRoot();
    const folder = this.path(kind, key);
    makeFolder(join(this.root, kind));
    const draft = scratchFolder(this.scratch);
    try {
      const record = write(draft);
      writeFileSync(join(draft, RECORD), seal(record), { mode: 0o600 });
      const ours = publish(draft, folder, { replace: false, scratch: this.scratch });
      // another process was first, or a damaged entry could not be removed: only the former has a good record
      const there = ours ? { folder, record } : (this.find(kind, key) ?? this.force(kind, key, write));
      this.inUse.add(folder);
      this.shrink();
      return there;
    } catch (error) {
      removeQuietly(draft);
      throw error;
    }
  }

  private force(kind: Kind, key: string, write: (folder: string) => string): Entry {
    const folder = this.path(kind, key);
    const draft = scratchFolder(this.scratch);
    const record = write(draft);
    writeFileSync(join(draft, RECORD), seal(record), { mode: 0o600 });
    publish(draft, folder, { replace: true, scratch: this.scratch });
    return { folder, record };
  }

  private get scratch(): string {
    return join(this.root, 'scratch');
  }

  /** Makes the folder, or a temporary one where that fails. */
  private prepareRoot(): void {
    this.checkTrust();
    try {
      makeFolder(this.scratch);
    } catch (error) {
      if (!isSystemError(error) || this.temporary) throw error;
      this.replaceRoot(causeOf(error));
    }
  }

  private replaceRoot(why: string): void {
    this.warn(unusable(this.root, why));
    const folder = mkdtempSync(join(this.temporaryParent, 'cortexc-cache-'));
    chmodSync(folder, 0o700);
    this.root = folder;
    this.temporary = true;
    makeFolder(this.scratch);
    process.once('exit', () => removeQuietly(folder));
  }

  /** Notes that an entry is in use: those unused for longest go first. */
  private touch(record: string): void {
    try {
      const now = Date.now();
      if (now - statSync(record).mtimeMs > TOUCH_AFTER_MS) utimesSync(record, new Date(now), new Date(now));
    } catch {
      // a read-only cache is still good to read
    }
  }

  /** Removes the entries unused for longest until the rest is within the limit; those in use stay, however large: parameters may be. */
  private shrink(): void {
    const entries = KINDS.flatMap((kind) => list(join(this.root, kind)).map((name) => usage(join(this.root, kind, name))));
    let total = entries.reduce((sum, e) => sum + e.bytes, 0);
    for (const entry of entries.sort((a, b) => a.used - b.used)) {
      if (total <= this.limitBytes) break;
      if (this.inUse.has(entry.folder)) continue;
      removeQuietly(entry.folder);
      total -= entry.bytes;
    }
    this.clear('scratch', STALE_AFTER_MS);
    this.clear('names', FORGET_AFTER_MS);
  }

  /** Removes what was not used for so long. */
  private clear(folder: string, milliseconds: number): void {
    const old = Date.now() - milliseconds;
    for (const name of list(join(this.root, folder))) {
      const path = join(this.root, folder, name);
      if (usage(path).used < old) removeQuietly(path);
    }
  }

  /** What a name stands for, as it was last remembered. */
  recall(name: string): string | undefined {
    return this.find('names', name)?.record;
  }

  /**
   * Keeps a text under a name; the last one stays.
   * @throws errors of the file system when the temporary folder fails, too
   */
  remember(name: string, text: string): void {
    const { root } = this;
    try {
      this.rememberHere(name, text);
    } catch (error) {
      if (!isSystemError(error) || this.temporary) throw error;
      if (this.root === root) this.replaceRoot(causeOf(error));
      this.rememberHere(name, text);
    }
  }

  private rememberHere(name: string, text: string): void {
    this.prepareRoot();
    const folder = this.path('names', name);
    makeFolder(join(this.root, 'names'));
    makeFolder(folder);
    const draft = scratchFolder(this.scratch);
    try {
      writeFileSync(join(draft, RECORD), seal(text), { mode: 0o600 });
      renameSync(join(draft, RECORD), join(folder, RECORD));
    } finally {
      removeQuietly(draft);
    }
  }

  /**
   * Does something that only saves time later: where the file system fails, the temporary folder included, it is left out with a warning,
   * the first time.
   */
  attempt<T>(action: () => T): T | undefined {
    if (this.broken) return undefined;
    try {
      return action();
    } catch (error) {
      if (!isSystemError(error)) throw error;
      this.broken = true;
      this.warn(unkept(this.root, causeOf(error)));
      return undefined;
    }
  }
}

const list = (folder: string): readonly string[] => {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
};

/** Bytes of a folder of files, and when it was last used (milliseconds since 1970). */
const usage = (folder: string): { readonly folder: string; readonly bytes: number; readonly used: number } => {
  let bytes = 0;
  let used = 0;
  for (const name of ['.', ...list(folder)]) {
    try {
      const facts = statSync(join(folder, name));
      if (facts.isFile()) bytes += facts.size;
      if (name === RECORD || (name === '.' && used === 0)) used = facts.mtimeMs;
    } catch {
      // went away in the meantime
    }
  }
  return { folder, bytes, used };
};

/** The cache of this process. */
let shared: Cache | undefined;
export const sharedCache = (): Cache => (shared ??= new Cache());
