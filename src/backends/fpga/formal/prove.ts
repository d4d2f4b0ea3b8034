import { invariant, ok, type Result } from '../../../support/index.ts';
import { type SourceFile, sourceFiles, sourceFolder } from '../../source-folder.ts';
import { rtlFiles } from '../rtl-files.ts';
import { runYosys, withFiles } from '../synthesis/index.ts';

/** What a proof says. */
export interface Proof {
  readonly proven: boolean;
  /** What yosys says of it, or the counterexample. */
  readonly says: string;
  readonly seconds: number;
}

/** A change of the Verilog that a proof must not survive: exactly one place. */
export interface PlantedBug {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/** Modules whose properties (properties/MODULE.vh) hold in all states that can be reached. */
export const PROVEN_MODULES = {
  cx_fifo: { what: 'queue: neither over- nor underflow, order kept', parameters: {} },
  // one client that may have two bursts on the bus, and one that may not: five take minutes
  cx_axi_read: {
    what: 'reads: bursts of at most 64 beats within 4 KiB, the image and the request; stable on the bus; queue of bursts',
    parameters: { CLIENTS: 2, TWO: 1 },
  },
  cx_axi_write: { what: 'writes: the same, and each burst has the beats that its address says', parameters: {} },
} as const satisfies Record<string, { readonly what: string; readonly parameters: Readonly<Record<string, number>> }>;
export type ProvenModule = keyof typeof PROVEN_MODULES;

/** Longest induction that is tried, in cycles. */
const MOST_STEPS = 2;

const formalFolder = (): string => sourceFolder('fpga/formal/', 'requant-miter.v');
const formalFile = (name: string): string => {
  const [folder, file] = name.includes('/') ? name.split('/') : ['', name];
  const found = sourceFiles(`${formalFolder()}${folder}`, /[.]vh?$/).find((f) => f.name === file);
  invariant(found !== undefined, `there is ${name}`);
  return found.text;
};

const replacedOnce = (text: string, from: string, to: string): string => {
  const parts = text.split(from);
  invariant(parts.length === 2, `the Verilog has ${parts.length - 1} times: ${from}`);
  return parts.join(to);
};

/** The Verilog of the core with planted bugs. */
const changed = (files: readonly SourceFile[], bugs: readonly PlantedBug[]): readonly SourceFile[] =>
  files.map(({ name, text }) => ({
    name,
    text: bugs.filter((b) => b.file === name).reduce((t, { from, to }) => replacedOnce(t, from, to), text),
  }));

const proofOf = (script: string, files: readonly SourceFile[]): Result<Proof> =>
  withFiles(files, (folder) => {
    const started = Date.now();
    const ran = runYosys(script, folder);
    const seconds = (Date.now() - started) / 1000;
    if (ran.ok) return ok({ proven: true, says: '', seconds });
    const says = ran.diagnostics.flatMap((d) => d.notes).join('\n');
    // anything else than a proof that fails is a fault of the set-up
    return says.includes('proof did fail') ? ok({ proven: false, says, seconds }) : ran;
  });

/** Verilog with text before the end of its module. */
const spliced = (text: string, addition: string): string => {
  const end = text.lastIndexOf('endmodule');
  return `${text.slice(0, end)}${addition}${text.slice(end)}`;
};

/**
 * Proves the properties of a module by induction over the cycles, with the SAT solver of yosys. Not proven means that there is a
 * counterexample, or that the properties do not follow from each other in MOST_STEPS cycles. Errors: FPG0010, FPG0011.
 */
export const proveModule = (name: ProvenModule, bugs: readonly PlantedBug[] = []): Result<Proof> => {
  const properties = formalFile(`properties/${name}.vh`);
  const files = changed(rtlFiles(), bugs).map((f) => (f.name === `${name}.v` ? { name: f.name, text: spliced(f.text, properties) } : f));
  const parameters = Object.entries(PROVEN_MODULES[name].parameters).map(([key, value]) => `-set ${key} ${value}`);
  const script = [
    `read_verilog -formal -I. ${name}.v`,
    ...(parameters.length === 0 ? [] : [`chparam ${parameters.join(' ')} ${name}`]),
    `prep -flatten -top ${name}`,
    'memory_map; opt -full; dffunmap; async2sync; setundef -anyseq; opt_clean',
    `sat -verify -tempinduct -prove-asserts -set-assumes -maxsteps ${MOST_STEPS} ${name}`,
  ];
  return proofOf(script.join('; '), files);
};

/** Shifts that cx_requant is for. */
export const REQUANT_SHIFTS = Array.from({ length: 47 }, (_, i) => i + 1);

/**
 * Proves that cx_requant is the formula of NUMERICS 1.1 from its two products on: for all products, zero points and bounds, at each of
 * the given shifts. Errors: FPG0010, FPG0011.
 */
export const proveRequant = (shifts: readonly number[] = REQUANT_SHIFTS, bugs: readonly PlantedBug[] = []): Result<Proof> => {
  const unit = changed(rtlFiles(), bugs).find((f) => f.name === 'cx_requant.v');
  invariant(unit !== undefined, 'the core has a cx_requant.v');
  const ports = 'input wire clk,\n    input wire signed [31:0] product_high,\n    input wire signed [32:0] product_low,';
  const open = [
    ['input wire clk,', ports],
    ['t_high * m1', 'product_high'],
    ['t_low * m1', 'product_low'],
  ] as const;
  const files: readonly SourceFile[] = [
    { name: 'cx_requant.v', text: open.reduce((text, [from, to]) => replacedOnce(text, from, to), unit.text) },
    { name: 'miter.v', text: formalFile('requant-miter.v') },
    { name: 'registers.v', text: formalFile('registers-transparent.v') },
  ];
  const each = shifts.map((shift) =>
    [
      'design -load read',
      `chparam -set SHIFT ${shift} requant_miter`,
      'prep -flatten -top requant_miter',
      'techmap -map registers.v; opt -full',
      'sat -verify -prove equal 1 requant_miter',
    ].join('; '),
  );
  return proofOf(['read_verilog cx_requant.v miter.v; design -save read', ...each].join('; '), files);
};
