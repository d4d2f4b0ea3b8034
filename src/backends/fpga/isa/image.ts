import { crc32 } from 'node:zlib';
import { type Diagnostic, diagnostic, fail, invariant, ok, type Result } from '../../../support/index.ts';
import { INSTRUCTION_BYTES } from './encode.ts';
import { type CoreErrorName, ISA_VERSION, MAGIC } from './registers.ts';

/** The array that a program is for; all are 0 when it uses none. */
export interface ArrayNeeds {
  /** Channels of a block, 16, whatever the size of the array. */
  readonly lanes: number;
  readonly inputs: number;
  /** Bits of weights. */
  readonly bits: number;
  /** Of accumulators; more do as well. */
  readonly accumulatorBits: number;
  readonly scratchBeats: number;
  readonly weightEntries: number;
  readonly parameterBeats: number;
}

export const NO_ARRAY: ArrayNeeds = {
  lanes: 0,
  inputs: 0,
  bits: 0,
  accumulatorBits: 0,
  scratchBeats: 0,
  weightEntries: 0,
  parameterBeats: 0,
};

/** The header of a program image (docs/fpga-core.md); addresses are offsets from BASE in bytes. */
export interface ImageHeader {
  readonly array: ArrayNeeds;
  /** Bytes of memory that the program uses: the limit of all addresses. */
  readonly limit: number;
  readonly initPc: number;
  readonly runPc: number;
  readonly codeStart: number;
  /** Bytes of code and constants that are checked. */
  readonly codeBytes: number;
  readonly codeCrc: number;
}

export const HEADER_BYTES = 64;
const HEADER_CRC_WORD = 12;
/** Code starts at a multiple of this. */
export const CODE_ALIGNMENT = 64;
/** Checked bytes are a multiple of this. */
export const BEAT_BYTES = 16;

export const crcOf = (bytes: Uint8Array): number => crc32(bytes) >>> 0;

/** The first 64 bytes of an image. */
export const writeHeader = ({ array, limit, initPc, runPc, codeStart, codeBytes, codeCrc }: ImageHeader): Uint8Array => {
  const bytes = new Uint8Array(HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  const shape = (array.lanes | (array.inputs << 8) | (array.bits << 16) | (array.accumulatorBits << 24)) >>> 0;
  const needs = [shape, array.scratchBeats, array.weightEntries, array.parameterBeats];
  const words = [MAGIC, ISA_VERSION, ...needs, limit, initPc, runPc, codeStart, codeBytes, codeCrc];
  invariant(words.length === HEADER_CRC_WORD, 'the CRC of the header stands behind all that it is of');
  words.forEach((word, i) => view.setUint32(4 * i, word, true));
  view.setUint32(4 * HEADER_CRC_WORD, crcOf(bytes.subarray(0, 4 * HEADER_CRC_WORD)), true);
  return bytes;
};

/** Why the core would not take an image. */
export interface ImageProblem {
  readonly error: CoreErrorName;
  /** ERROR_INFO of the core. */
  readonly info: number;
  readonly says: string;
}

/** What the words 6 to 10 of a header have to hold, in the order in which the core looks; a multiple of what, and the end that it may not pass. */
const findBadWord = ({ limit, initPc, runPc, codeStart, codeBytes }: ImageHeader): ImageProblem | undefined => {
  const bad = (word: number, says: string): ImageProblem => ({ error: 'BAD_HEADER', info: word, says: `word ${word}: ${says}` });
  const isPc = (pc: number): boolean => pc % INSTRUCTION_BYTES === 0 && pc >= codeStart && pc < codeStart + codeBytes;
  const code = `the code, which lies at ${codeStart} and has ${codeBytes} bytes`;
  if (codeStart % CODE_ALIGNMENT !== 0) return bad(9, `the code starts at ${codeStart}, which is no multiple of ${CODE_ALIGNMENT}`);
  if (codeBytes % BEAT_BYTES !== 0) return bad(10, `${codeBytes} bytes of code are no multiple of ${BEAT_BYTES}`);
  if (codeStart + codeBytes > limit)
    return bad(10, `the code ends at ${codeStart + codeBytes}, but the program uses ${limit} bytes of memory`);
  if (!isPc(initPc)) return bad(7, `the initialization starts at ${initPc}, which is no instruction of ${code}`);
  if (!isPc(runPc)) return bad(8, `the run starts at ${runPc}, which is no instruction of ${code}`);
  if (limit % BEAT_BYTES !== 0) return bad(6, `${limit} bytes of memory are no multiple of ${BEAT_BYTES}`);
  return undefined;
};

interface Decoded {
  readonly header: ImageHeader | undefined;
  readonly problem: ImageProblem | undefined;
}

/** Reads a header and says what is wrong with it, or with the code. The code is not looked at where the image does not hold it. */
const decode = (image: Uint8Array): Decoded => {
  const problem = (error: CoreErrorName, info: number, says: string): Decoded => ({ header: undefined, problem: { error, info, says } });
  if (image.length < HEADER_BYTES)
    return problem('BAD_MAGIC', 0, `the image has ${image.length} bytes, fewer than its header of ${HEADER_BYTES}`);
  const view = new DataView(image.buffer, image.byteOffset, image.byteLength);
  const word = (i: number): number => view.getUint32(4 * i, true);
  const hex = (n: number): string => `0x${n.toString(16).padStart(8, '0')}`;
  if (word(0) !== MAGIC) return problem('BAD_MAGIC', word(0), `word 0 is ${hex(word(0))} instead of ${hex(MAGIC)}`);
  if (word(1) !== ISA_VERSION) return problem('BAD_VERSION', word(1), `the image is of version ${word(1)}, known is ${ISA_VERSION}`);
  const crc = crcOf(image.subarray(0, 4 * HEADER_CRC_WORD));
  if (word(HEADER_CRC_WORD) !== crc)
    return problem('BAD_HEADER_CRC', crc, `the CRC of the header is ${hex(crc)}, but it says ${hex(word(HEADER_CRC_WORD))}`);
  const header: ImageHeader = {
    array: {
      lanes: word(2) & 0xff,
      inputs: (word(2) >>> 8) & 0xff,
      bits: (word(2) >>> 16) & 0xff,
      accumulatorBits: word(2) >>> 24,
      scratchBeats: word(3),
      weightEntries: word(4),
      parameterBeats: word(5),
    },
    limit: word(6),
    initPc: word(7),
    runPc: word(8),
    codeStart: word(9),
    codeBytes: word(10),
    codeCrc: word(11),
  };
  const bad = findBadWord(header);
  if (bad !== undefined) return { header, problem: bad };
  const code = image.subarray(header.codeStart, header.codeStart + header.codeBytes);
  if (code.length < header.codeBytes)
    return problem('BAD_HEADER', 10, `the image has ${image.length} bytes, but its code ends at ${header.codeStart + header.codeBytes}`);
  const codeCrc = crcOf(code);
  if (codeCrc !== header.codeCrc)
    return problem('BAD_CODE_CRC', codeCrc, `the CRC of the code is ${hex(codeCrc)}, but the header says ${hex(header.codeCrc)}`);
  return { header, problem: undefined };
};

/** What the core says of an image as it lies in memory; undefined when it takes it. */
export const imageProblem = (image: Uint8Array): ImageProblem | undefined => decode(image).problem;

const refused = ({ error, says }: ImageProblem): Diagnostic =>
  diagnostic('FPG0001', `the program image is refused as ${error}: ${says}`, {
    notes: ['Write the image to memory again, as the emitted folder has it.'],
  });

/** Reads the header of an image as it lies in memory, and checks it and the code as the core does. Errors: FPG0001. */
export const readImage = (image: Uint8Array): Result<ImageHeader> => {
  const { header, problem } = decode(image);
  if (problem !== undefined) return fail(refused(problem));
  invariant(header !== undefined, 'an image without a problem has a header');
  return ok(header);
};
