import type { CodeInfo } from './info.ts';

/** CVM1xxx: bytecode. CVM2xxx: packages. */
export const cvmCodes = {
  CVM1001: {
    title: 'not CVM bytecode',
    explain:
      'Bytecode starts with the bytes 00 63 76 6D ("\\0cvm"). Give the bytecode block of a package, or the package itself to a command that reads packages.',
    exit: 3,
  },
  CVM1002: {
    title: 'bytecode version is not supported',
    explain: 'The byte after the magic is the format version. This build reads version 1 (docs/bytecode.md).',
    exit: 4,
  },
  CVM1003: {
    title: 'bytecode is malformed',
    explain:
      'A number, count or string does not have its one canonical form, or runs past the end of its section. Every value has exactly one encoding (docs/bytecode.md): get the file again, or compile the model again.',
    exit: 3,
  },
  CVM1004: {
    title: 'bytecode section is missing, misplaced or of the wrong length',
    explain:
      'The sections types, parameters, code, exports and bounds stand in this order, each once, each exactly as long as its length says, with nothing after the last.',
    exit: 3,
  },
  CVM1005: {
    title: 'unknown opcode',
    explain: 'Opcodes are append-only (conformance/opcodes.golden). The bytecode may come from a newer compiler.',
    exit: 4,
  },
  CVM1006: {
    title: 'value number out of range',
    explain:
      'Operands and outputs name values by number: inputs first, then parameters, then results in order. A node uses only values before its own.',
    exit: 3,
  },
  CVM1007: {
    title: 'type in bytecode is not legal',
    explain:
      'The type table lists each type that an input or parameter has once, in order of first use; at most 8 dimensions and 2^31 - 1 elements.',
    exit: 3,
  },
  CVM1008: {
    title: 'bytecode is not in canonical order',
    explain:
      'Nodes stand in the post-order of a walk from the outputs, operands left to right; parameters in order of first use; nothing unused. Two files of one program cannot differ.',
    exit: 3,
  },
  CVM1009: {
    title: 'bytecode exceeds a limit',
    explain:
      'Nodes, values, operands, parameter bytes, memory and proof work are limited (docs/bytecode.md), so that checking stays cheap for every node.',
    exit: 5,
  },
  CVM1010: {
    title: 'symbolic dimension in bytecode',
    explain: 'Bytecode has numbers for all dimensions. Bind the symbol first (--bind N=1).',
    exit: 3,
  },
  CVM1011: {
    title: 'name is not legal',
    explain: 'Names of inputs and outputs have 1 to 255 bytes of UTF-8, without control characters, and differ from each other.',
    exit: 3,
  },
  CVM1012: {
    title: 'attribute value in bytecode is outside its schema',
    explain: 'Every op declares its attributes with type and range (docs/ops.md).',
    exit: 3,
  },
  CVM1013: {
    title: 'parameter does not match its digest',
    explain:
      'The bytecode names every parameter by the SHA-256 of its type and decoded elements. The parameter that was loaded is another one, or damaged.',
    exit: 3,
  },
  CVM1014: {
    title: 'parameter value is not legal',
    explain:
      'Weights of conv and dense lie in -127..127 (i8) or -31..31 (i6); -128 and -32 are illegal encodings (NUMERICS §1.2). bool holds 0 and 1; f32 holds no NaN.',
    exit: 3,
  },
  CVM1015: {
    title: 'interval section does not fit the program',
    explain: 'The bounds section holds one interval, low end first, for each integer result of each node.',
    exit: 3,
  },
  CVM2001: {
    title: 'not a model package',
    explain: 'A package (.cvm) is a CAR version 1 file with one root, or two when it is compressed. Write one with cortexc compile.',
    exit: 3,
  },
  CVM2002: {
    title: 'package is malformed',
    explain: 'A frame of the CAR file does not have its one canonical form or runs past the end of the file. Get the file again.',
    exit: 3,
  },
  CVM2003: {
    title: 'block does not match its digest',
    explain: 'Every block of a package is named by the SHA-256 of its bytes. These bytes were damaged or exchanged: get the file again.',
    exit: 3,
  },
  CVM2004: {
    title: 'blocks of the package are missing, doubled or out of order',
    explain:
      'Blocks stand in the order root, storage record (of a compressed package), model string, bytecode, parameters by first use, float parameters, each once, and nothing else is in the file.',
    exit: 3,
  },
  CVM2005: {
    title: 'root record of the package is malformed',
    explain: 'The root is canonical DAG-CBOR with exactly the fields format, version, metadata, model, bytecode and parameters.',
    exit: 3,
  },
  CVM2006: {
    title: 'metadata field is wrong',
    explain: 'Metadata follows src/cvm-bytecode/metadata.ts: types, ranges and lengths are fixed, and text has no control characters.',
    exit: 3,
  },
  CVM2007: {
    title: 'model string is not the one of the bytecode',
    explain: 'The model string of a package is the canonical text of the very program in its bytecode.',
    exit: 3,
  },
  CVM2008: {
    title: 'package version is not supported',
    explain: 'This build reads packages of format "cvm-package", version 1, and storage records of format "cvm-storage", version 1.',
    exit: 4,
  },
  CVM2009: {
    title: 'stored parameter is not in its one encoding',
    explain:
      'Chunks hold 1 MiB each but the last of a parameter, exactly as many bytes as the type needs. Packed i6 has code 32 nowhere and zero bits in the padding (NUMERICS §3).',
    exit: 3,
  },
  CVM2010: {
    title: 'package exceeds a limit',
    explain:
      'The root record, the storage record and the manifest of float parameters have at most 64 MiB each, model string and bytecode at most 256 MiB.',
    exit: 5,
  },
  CVM2011: {
    title: 'metadata disagrees with the program',
    explain:
      'Hashes, sizes, cost, and the names, dtypes and shapes of inputs and outputs are computed from the program; metadata repeats them exactly.',
    exit: 3,
  },
  CVM2012: {
    title: 'encoded parameter block is malformed',
    explain:
      'A compressed package holds entropy-coded blocks (docs/bytecode.md, storage): complete canonical Huffman codes of at most 15 bits, streams that end with their last symbol, bits of value 0 after it, gaps and codebooks in their one form. Get the file again, or write it again from the plain package.',
    exit: 3,
  },
  CVM2013: {
    title: 'storage record of the package is malformed',
    explain:
      'The second root of a compressed package is canonical DAG-CBOR with the fields format, version, package, parameters and, with a float blob, floatParameters: one entry of encoding and blocks for each parameter, one block for each chunk.',
    exit: 3,
  },
  CVM2014: {
    title: 'decoded chunk does not match its digest',
    explain:
      'What an encoded block decodes to has the SHA-256 that the root record names. The block decodes to something else: it belongs to another package, or was made by a faulty encoder.',
    exit: 3,
  },
  CVM2015: {
    title: 'compressed package says more than its size can hold',
    explain:
      'Decoded parameters have at most 64 bytes for each byte of the file, and each chunk at most 64 for each byte of its block, so that a small file cannot ask for much memory. Such parameters are stored plainly.',
    exit: 5,
  },
  CVM2016: {
    title: 'float parameters of the package are wrong',
    explain:
      'The original float32 parameters are listed by name in a record whose SHA-256 stands in the metadata (floatParameters): names in code-unit order, each once, f32 without NaN, as many bytes as the metadata says.',
    exit: 3,
  },
} as const satisfies Record<string, CodeInfo>;
