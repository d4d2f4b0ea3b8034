import {
  CORE_ERRORS,
  ISA_VERSION,
  KEPT_STEPS,
  MAGIC,
  type Register,
  REGISTERS,
  REGISTERS_VERSION,
  TIMEOUT_UNIT_CYCLES,
} from '../isa/registers.ts';

const hex = (value: number, digits = 1): string => `0x${value.toString(16).padStart(digits, '0')}`;
const unsigned = (value: number): string => `${hex(value)}u`;
const define = (name: string, value: string): string => `#define CXF_${name} ${value}`;

/** The table says which registers have fields by leaving the key out. */
const registers: readonly Register[] = REGISTERS;

const maskOf = (high: number, low: number): number => 2 ** (high + 1) - 2 ** low;

const cString = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`;

const cList = (name: string, texts: readonly string[]): string => `#define CXF_${name} { \\\n${texts.map((t) => `  ${t}, \\\n`).join('')}}`;

/**
 * Text of cxf_registers.h: offsets `CXF_REG_*`, masks `CXF_<REGISTER>_<FIELD>` with `_SHIFT` for fields of several bits, codes
 * `CXF_ERR_*` and initializers of tables by code.
 */
export const registersHeader = (): string =>
  [
    '/* Registers and errors of the FPGA core. Written by cortexc from the table that the Verilog is made of, too. */',
    '#ifndef CXF_REGISTERS_H',
    '#define CXF_REGISTERS_H',
    '',
    define('MAGIC', unsigned(MAGIC)),
    define('ISA_VERSION', unsigned(ISA_VERSION)),
    define('VERSION', unsigned(REGISTERS_VERSION * 0x10000 + ISA_VERSION)),
    define('TIMEOUT_UNIT_CYCLES', `${TIMEOUT_UNIT_CYCLES}u`),
    define('KEPT_STEPS', `${KEPT_STEPS}u`),
    '',
    ...registers.map((r) => define(`REG_${r.name}`, `${hex(r.offset, 2)}u`)),
    '',
    ...registers.flatMap((r) =>
      (r.fields ?? []).flatMap(({ name, high, low }) => [
        define(`${r.name}_${name}`, unsigned(maskOf(high, low))),
        ...(high === low ? [] : [define(`${r.name}_${name}_SHIFT`, String(low))]),
      ]),
    ),
    '',
    define('ERR_NONE', '0'),
    ...CORE_ERRORS.map((e) => define(`ERR_${e.name}`, String(e.code))),
    '',
    '/* By code: what happened, and what register ERROR_INFO holds then. */',
    cList('ERROR_TEXTS', ['"No error."', ...CORE_ERRORS.map((e) => cString(e.doc))]),
    cList('ERROR_INFOS', ['""', ...CORE_ERRORS.map((e) => cString(e.info))]),
    '',
    '#endif',
    '',
  ].join('\n');

const ACCESS = { ro: 'read', rw: 'read, write', command: 'command' } as const;

const bits = (high: number, low: number): string => (high === low ? String(low) : `${high}:${low}`);

/** Markdown: the registers, their fields and the errors. */
export const registersMarkdown = (): string =>
  [
    '# Registers of the core',
    '',
    'An AXI4-Lite port of 32 bits; other accesses than whole words are refused (answer SLVERR). Registers that are written keep their value; where the',
    'access is `command` a write does what the text says. While a run is on, only CONTROL, IRQ_STATUS, REFUSED and STEP_SELECT take writes.',
    '',
    '| offset | register | access | after reset | |',
    '|---|---|---|---|---|',
    ...registers.map(
      (r) =>
        `| ${hex(r.offset, 2)} | ${r.name} | ${ACCESS[r.access]} | ${r.reset === undefined ? 'of the core' : hex(r.reset)} | ${r.doc} |`,
    ),
    '',
    ...registers.flatMap((r) =>
      r.fields === undefined
        ? []
        : [
            `## ${r.name}`,
            '',
            '| bits | field | |',
            '|---|---|---|',
            ...r.fields.map((f) => `| ${bits(f.high, f.low)} | ${f.name} | ${f.doc} |`),
            '',
          ],
    ),
    '## Errors',
    '',
    '| code | name | ERROR_INFO | |',
    '|---|---|---|---|',
    ...CORE_ERRORS.map((e) => `| ${e.code} | ${e.name} | ${e.info} | ${e.doc} |`),
    '',
  ].join('\n');
