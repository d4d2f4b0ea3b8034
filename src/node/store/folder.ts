import {
  closeSync, existsSync, fsyncSync, mkdirSync, openSync, readdirSync, readFileSync, renameSync, rmSync, statSync,
} from 'node:fs'; // biome-ignore format: a list
import { join } from 'node:path';
import { type ByteSource, bytesSource, sha256, toHex } from '../../support/index.ts';
import { noLog, type NodeLog } from '../log/index.ts';
import { type CheckFile, createCheck } from './check-file.ts';
import { checkPackage } from './check-package.ts';
import type { ManagedStore, PackageDraft, StoredPackage } from './contract.ts';
import { StoredFile, StoreFull, syncFolder, type WriteAt, writeAllAt, writeAt } from './disk.ts';
import { openFolderDraft } from './folder-draft.ts';
import { journalSize } from './journal.ts';
import { fullPolicy, type Given, type Holdings, planCollection, planRoom, type Referenced, type StorePolicy } from './policy.ts';

export interface FolderOptions {
  /** Bytes of packages, inputs and drafts at most; a draft counts with its whole size. No limit when left out. */
  readonly limitBytes?: number | undefined;
  readonly policy?: StorePolicy | undefined;
  /** Seconds since 1970, for what is given up. */
  readonly now?: () => number;
  readonly log?: NodeLog;
  /** Told when a file was found damaged and set aside: it can be fetched anew. */
  readonly onDamaged?: (hash: Uint8Array) => void;
  /** Told when a package is here no longer, whatever the reason: nobody is to be offered it. */
  readonly onGone?: ((hash: Uint8Array) => void) | undefined;
  /** How parts of files are written. */
  readonly write?: WriteAt;
  /** How files of packages are checked: large ones in a thread when left out. */
  readonly check?: CheckFile;
}

interface Entry {
  readonly size: number;
  since: number;
  used: number;
  pinned: boolean;
  /** When its use was written down. */
  noted: number;
}

const HEX = /^[0-9a-f]{64}$/;
const NOTE_SECONDS = 60;
/** Largest sidecar that is read. */
const MAX_NOTE = 1024;

const fromHex = (hex: string): Uint8Array => Uint8Array.from(hex.match(/../g) ?? [], (b) => Number.parseInt(b, 16));

/**
 * Packages and inputs in a folder. Files: `HASH.cvm` and `HASH.input`, whole or not there whenever the machine stops; `HASH.note`, when a
 * package came and was used, and whether it is pinned; `drafts/HASH.part` and `.journal`, what is on its way; `set-aside/`, what was damaged.
 * In memory are some 200 bytes for each object, and for each open draft its ranges; never a package.
 * @throws what making and reading the folder throws
 */
export const folderObjects = (folder: string, options: FolderOptions = {}): ManagedStore => {
  const { limitBytes = Number.POSITIVE_INFINITY, policy = fullPolicy, now = () => Math.floor(Date.now() / 1000) } = options;
  const { log = noLog, write = writeAt, onDamaged, onGone, check = createCheck() } = options;
  const draftsFolder = join(folder, 'drafts');
  const asideFolder = join(folder, 'set-aside');
  mkdirSync(draftsFolder, { recursive: true });
  const packages = new Map<string, Entry>();
  const inputs = new Map<string, number>();
  const drafts = new Map<string, { size: number; progress: number; open: boolean }>();
  const sources = new Map<string, WeakRef<StoredFile>>();
  let referenced: Referenced = () => undefined;
  let serial = 0;

  const packagePath = (name: string): string => join(folder, `${name}.cvm`);
  const inputPath = (name: string): string => join(folder, `${name}.input`);
  const notePath = (name: string): string => join(folder, `${name}.note`);
  const partPath = (name: string): string => join(draftsFolder, `${name}.part`);
  const journalPath = (name: string): string => join(draftsFolder, `${name}.journal`);

  /** Writes a file beside its place, and gives it its name when it is durable. @throws {StoreFull} */
  const writeWhole = (path: string, bytes: Uint8Array, what: string): void => {
    const temporary = join(draftsFolder, `${process.pid}.${serial++}.tmp`);
    try {
      const handle = openSync(temporary, 'wx');
      try {
        writeAllAt(write, handle, bytes, 0, what);
        fsyncSync(handle);
      } finally {
        closeSync(handle);
      }
      renameSync(temporary, path);
      syncFolder(folder);
    } finally {
      rmSync(temporary, { force: true });
    }
  };

  const note = (name: string, entry: Entry): void => {
    const { since, used, pinned } = entry;
    entry.noted = used;
    try {
      writeWhole(notePath(name), new TextEncoder().encode(JSON.stringify({ since, used, pinned })), 'note of a package');
    } catch (error) {
      // when it was used is worth less than what was asked for; a pin that is not kept is told
      log.warn({ package: name, reason: String(error) }, 'a note of a package could not be written');
    }
  };

  const readNote = (name: string): Partial<Entry> => {
    try {
      if (statSync(notePath(name)).size > MAX_NOTE) return {};
      const value = JSON.parse(readFileSync(notePath(name), 'utf8')) as Partial<Entry>;
      const time = (t: unknown): number => (Number.isSafeInteger(t) ? Math.min(Number(t), now()) : now());
      return { since: time(value.since), used: time(value.used), pinned: value.pinned === true };
    } catch {
      return {};
    }
  };

  const scan = (): void => {
    for (const file of readdirSync(folder)) {
      const [name = '', kind] = file.split('.');
      if (!HEX.test(name)) continue;
      if (kind === 'input') inputs.set(name, statSync(join(folder, file)).size);
      if (kind !== 'cvm') continue;
      const at = now();
      packages.set(name, { size: statSync(join(folder, file)).size, since: at, used: at, pinned: false, noted: 0, ...readNote(name) });
    }
    for (const file of readdirSync(draftsFolder)) {
      const [name = '', kind] = file.split('.');
      const path = join(draftsFolder, file);
      // what a process that ended left half written, and what became a package before it ended
      if (!HEX.test(name) || packages.has(name) || !existsSync(partPath(name))) rmSync(path, { force: true });
      else if (kind === 'part') {
        const size = journalSize(journalPath(name));
        if (size === undefined) rmSync(path, { force: true });
        else drafts.set(name, { size, progress: Math.floor(statSync(path).mtimeMs / 1000), open: false });
      }
    }
  };
  scan();

  const usedBytes = (): number => {
    let sum = 0;
    for (const { size } of packages.values()) sum += size;
    for (const size of inputs.values()) sum += size;
    for (const { size } of drafts.values()) sum += size;
    return sum;
  };

  const holdings = (): Holdings => ({
    packages: [...packages].map(([hash, { size, pinned, since, used }]) => ({ hash, size, pinned, since, used })),
    drafts: [...drafts].map(([hash, d]) => ({ hash, ...d })),
  });

  /** Forgets a package, whose file goes or is not what it was. @returns whether there was one */
  const forget = (name: string): boolean => {
    if (!packages.delete(name)) return false;
    sources.delete(name);
    onGone?.(fromHex(name));
    return true;
  };
  const removePackage = (name: string): boolean => {
    if (!forget(name)) return false;
    rmSync(packagePath(name), { force: true });
    rmSync(notePath(name), { force: true });
    return true;
  };
  const removeDraft = (name: string): void => {
    drafts.delete(name);
    rmSync(partPath(name), { force: true });
    rmSync(journalPath(name), { force: true });
  };

  const giveUp = (list: readonly Given[]): void => {
    for (const { hash, size, what, reason } of list) {
      if (what === 'package') removePackage(hash);
      else removeDraft(hash);
      log.info({ [what]: hash, bytes: size, reason }, 'given up');
    }
  };

  /** Makes room by the policy. @returns why there is none */
  const roomProblem = (bytes: number): string | undefined => {
    const over = usedBytes() + bytes - limitBytes;
    if (over <= 0) return undefined;
    const plan = bytes > limitBytes ? undefined : planRoom(holdings(), policy, referenced, now(), over);
    if (plan === undefined)
      return `NOD0060 ${bytes} bytes do not fit: the store holds ${usedBytes()} of at most ${limitBytes} bytes, and nothing more may be given up; a larger --store-bytes, or \`cortexc models remove\`, makes room`;
    giveUp(plan);
    return undefined;
  };

  const arrived = (name: string, size: number): void => {
    const at = now();
    const entry = { size, since: at, used: at, pinned: false, noted: at };
    packages.set(name, entry);
    note(name, entry);
  };

  const use = (name: string, entry: Entry): void => {
    entry.used = now();
    if (entry.used - entry.noted >= NOTE_SECONDS) note(name, entry);
  };

  const setAside = (path: string, name: string, reason: string): void => {
    mkdirSync(asideFolder, { recursive: true });
    // one for each name: a disk that damages files all the time does not fill up
    renameSync(path, join(asideFolder, name));
    log.error({ file: name, reason }, 'NOD0062 a file of the store is damaged: it was set aside');
  };

  const openPackage = (name: string, entry: Entry): ByteSource | undefined => {
    const open = sources.get(name)?.deref();
    if (open !== undefined) return open;
    try {
      const source = new StoredFile(packagePath(name), entry.size);
      sources.set(name, new WeakRef(source));
      return source;
    } catch (error) {
      log.error({ package: name, reason: String(error) }, 'NOD0062 a package of the store cannot be opened');
      return undefined;
    }
  };

  const finishDraft = async (name: string, hash: Uint8Array, size: number): Promise<string | undefined> => {
    const checked = await check(partPath(name), size, hash);
    if (typeof checked === 'string') {
      removeDraft(name);
      return checked;
    }
    const handle = openSync(partPath(name), 'r+');
    try {
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
    renameSync(partPath(name), packagePath(name));
    syncFolder(folder);
    removeDraft(name);
    arrived(name, size);
    return undefined;
  };

  const openDraft = (hash: Uint8Array, size: number): PackageDraft | string | undefined => {
    const name = toHex(hash);
    if (packages.has(name)) return undefined;
    if (!Number.isSafeInteger(size) || size <= 0) return `NOD0061 a package of ${size} bytes is none`;
    const there = drafts.get(name);
    if (there?.open === true) return 'NOD0063 somebody else is bringing this package: ask again later';
    if (there !== undefined && there.size !== size) removeDraft(name);
    if (!drafts.has(name)) {
      const problem = roomProblem(size);
      if (problem !== undefined) return problem;
    }
    const state = { size, progress: now(), open: true };
    drafts.set(name, state);
    try {
      return openFolderDraft(
        {
          part: partPath(name),
          journal: journalPath(name),
          write,
          touched: () => void (state.progress = now()),
          closed: () => void (state.open = false),
          remove: () => removeDraft(name),
          finish: async () => {
            // nobody else goes on with it or gives it up while it is checked
            state.open = true;
            try {
              return await finishDraft(name, hash, size);
            } finally {
              state.open = false;
            }
          },
        },
        hash,
        size,
      );
    } catch (error) {
      state.open = false;
      if (error instanceof StoreFull) return error.message;
      throw error;
    }
  };

  const later = <T>(work: () => T): Promise<T> => new Promise((done) => done(work()));
  const pathOf = (hash: Uint8Array): string | undefined => (packages.has(toHex(hash)) ? packagePath(toHex(hash)) : undefined);
  return {
    policy,
    has: (hash) => Promise.resolve(packages.has(toHex(hash))),
    // whoever makes a package ready checks every block of it, and says so when one is not what it was (`suspect`)
    package: (hash) =>
      later(() => {
        const name = toHex(hash);
        const entry = packages.get(name);
        if (entry === undefined) return undefined;
        use(name, entry);
        const file = openPackage(name, entry);
        // whoever took it away did not ask this store
        if (file === undefined && !existsSync(packagePath(name)) && forget(name)) onDamaged?.(hash);
        return file;
      }),
    packagePath: (hash) => later(() => pathOf(hash)),
    input: (hash) =>
      later(() => {
        const name = toHex(hash);
        if (!inputs.has(name)) return undefined;
        const bytes = existsSync(inputPath(name)) ? new Uint8Array(readFileSync(inputPath(name))) : undefined;
        if (bytes !== undefined && toHex(sha256(bytes)) === name) return bytes;
        inputs.delete(name);
        if (bytes !== undefined) setAside(inputPath(name), `${name}.input`, `its ${bytes.length} bytes have another SHA-256`);
        onDamaged?.(hash);
        return undefined;
      }),
    putPackage: (bytes) =>
      later(() => {
        const hash = checkPackage(bytesSource(bytes));
        if (typeof hash === 'string' || packages.has(toHex(hash))) return hash;
        const problem = roomProblem(bytes.length);
        if (problem !== undefined) return problem;
        try {
          writeWhole(packagePath(toHex(hash)), bytes, 'package');
        } catch (error) {
          if (error instanceof StoreFull) return error.message;
          throw error;
        }
        arrived(toHex(hash), bytes.length);
        return hash;
      }),
    putInput: (bytes) =>
      later(() => {
        const hash = sha256(bytes);
        if (inputs.has(toHex(hash))) return hash;
        const problem = roomProblem(bytes.length);
        if (problem !== undefined) throw new StoreFull(problem);
        writeWhole(inputPath(toHex(hash)), bytes, 'input');
        inputs.set(toHex(hash), bytes.length);
        return hash;
      }),
    draft: (hash, size) => later(() => openDraft(hash, size)),
    packages: () =>
      later((): readonly StoredPackage[] =>
        [...packages].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, { size, pinned }]) => ({ hash: fromHex(name), size, pinned })),
      ),
    remove: (hash) => later(() => removePackage(toHex(hash))),
    pin: (hash, pinned) =>
      later(() => {
        const name = toHex(hash);
        const entry = packages.get(name);
        if (entry === undefined) return false;
        entry.pinned = pinned;
        note(name, entry);
        return true;
      }),
    suspect: async (hash) => {
      const name = toHex(hash);
      const entry = packages.get(name);
      if (entry === undefined) return false;
      // by its name: a file that is open can be another one, or gone
      const checked = await check(packagePath(name), entry.size, hash).catch((error: unknown) => `it cannot be read: ${String(error)}`);
      if (typeof checked !== 'string' || packages.get(name) !== entry) return false;
      forget(name);
      if (existsSync(packagePath(name))) setAside(packagePath(name), `${name}.cvm`, checked);
      else log.error({ package: name, reason: checked }, 'NOD0062 a package of the store is gone');
      onDamaged?.(hash);
      return true;
    },
    setReferences: (names) => {
      referenced = names;
    },
    collect: () =>
      later(() => {
        const plan = planCollection(holdings(), policy, referenced, now());
        giveUp(plan);
        return plan;
      }),
    usage: () => ({
      bytes: usedBytes(),
      limitBytes,
      packages: packages.size,
      inputs: inputs.size,
      drafts: drafts.size,
    }),
    drafts: () => holdings().drafts,
  };
};
