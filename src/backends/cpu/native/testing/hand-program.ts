import { type Tensor, tensorBytes } from '../../../../ir/index.ts';
import { sha256Hex } from '../../../../support/index.ts';
import type { ParameterBytes } from '../../cache/parameters.ts';
import { librarySources, type Sources } from '../sources.ts';

/**
 * A program written by hand in the form of generated ones: y = (x + p0) * p1 + table[step], element by element on i32[32768],
 * z = p2 (a parameter that lies in linear memory), w = x. Its packed weights are p1 copied by an init step from a staged copy.
 */
export const ELEMENTS = 32768;

const BYTES = 4 * ELEMENTS;
/** Addresses in linear memory; SCALED starts on a page so that it is mapped. */
const X = 256;
const SUM = X + BYTES;
const Y = SUM + BYTES;
const PACKED = Y + BYTES;
const STAGED = PACKED + BYTES;
const KEPT = Math.ceil((STAGED + BYTES) / 4096) * 4096;
const BLOB = KEPT + BYTES + 64;
const MEMORY_BYTES = Math.ceil((BLOB + 65536) / 65536) * 65536;

/** Where the parameters lie in their file: the last one on a page. */
const OFFSETS = [0, 131136, 266240] as const;
export const PARAMETER_BYTES = OFFSETS[2] + BYTES;

export interface HandOptions {
  readonly format?: number;
  readonly memoryBytes?: number;
  readonly maxThreads?: number;
}

const port = (name: string, address: number, passes = 0): string =>
  `{ .name = "${name}", .dtype = CX_I32, .rank = 1, .shape = {${ELEMENTS}}, .address = ${address}u, .bytes = ${BYTES}u, .passes = ${passes} }`;

/** The text of program.c; options make it wrong. */
export const handProgram = ({ format = 1, memoryBytes = MEMORY_BYTES, maxThreads = 4 }: HandOptions = {}): string => `
#include <stdlib.h>
#include <string.h>
#include "cx_runtime.h"

static const int32_t table[1] = {7};

static int32_t *words(const cx_env *e, uint32_t address) { return (int32_t *)(void *)(e->m + address); }

static void init0(const cx_env *e) { memcpy(e->m + ${PACKED}, e->m + ${STAGED}, ${BYTES}); }

static void run0(const cx_env *e, uint32_t thread, uint32_t threads)
{
    /* a test sees which runs are on one thread */
    if (threads != 1 && getenv("HAND_ALONE") != NULL)
        exit(99);
    const int32_t *p0 = (const int32_t *)(const void *)e->params[0];
    for (uint32_t i = thread; i < ${ELEMENTS}u; i += threads)
        words(e, ${SUM})[i] = (int32_t)((uint32_t)words(e, ${X})[i] + (uint32_t)p0[i]);
}

/* reads the neighbour's work: wrong without the threads meeting in between */
static void run1(const cx_env *e, uint32_t thread, uint32_t threads)
{
    for (uint32_t i = thread; i < ${ELEMENTS}u; i += threads) {
        uint32_t sum = (uint32_t)words(e, ${SUM})[${ELEMENTS - 1}u - i];
        words(e, ${Y})[${ELEMENTS - 1}u - i] = (int32_t)(sum * (uint32_t)words(e, ${PACKED})[${ELEMENTS - 1}u - i]);
    }
}

static void run2(const cx_env *e, uint32_t thread, uint32_t threads)
{
    (void)thread;
    if (threads != 1)
        return;
    for (uint32_t i = 0; i < ${ELEMENTS}u; i++)
        words(e, ${Y})[i] = (int32_t)((uint32_t)words(e, ${Y})[i] + (uint32_t)words(e, ${BLOB})[0]);
}

static const cx_port inputs[] = {${port('x', X)}};
static const cx_port outputs[] = {${port('y', Y)}, ${port('z', KEPT)}, ${port('w', X, 1)}};
static const cx_parameter parameters[] = {
    {${OFFSETS[0]}u, ${BYTES}u, CX_EXTERNAL},
    {${OFFSETS[1]}u, ${BYTES}u, CX_EXTERNAL},
    {${OFFSETS[2]}u, ${BYTES}u, ${KEPT}u},
};
static const cx_staging stagings[] = {{1, 0, ${STAGED}u}};
static const cx_blob blobs[] = {{${BLOB}u, sizeof table, table}};
static const cx_init_step init[] = {init0};
static const cx_step steps[] = {
    {"line 1", "add", run0, 1, 0},
    {"line 2", "mul", run1, 1, ${ELEMENTS}u},
    {"line 3", "add", run2, 0, 0},
};

const cx_program CX_PROGRAM = {
    .format = ${format}, .max_threads = ${maxThreads}, .name = "hand", .memory_bytes = ${memoryBytes}ull, .parameter_bytes = ${PARAMETER_BYTES}u,
    .input_count = 1, .output_count = 3, .parameter_count = 3, .staging_count = 1, .blob_count = 1, .init_count = 1, .step_count = 3,
    .inputs = inputs, .outputs = outputs, .parameters = parameters, .stagings = stagings, .blobs = blobs, .init = init, .steps = steps,
};
`;

/** Kernels are left out: the program calls none, and they take long to compile. */
export const handSources = (options: HandOptions = {}): Sources => ({ ...librarySources(handProgram(options)), kernels: [] });

const numbers = (seed: number): Int32Array => {
  const data = new Int32Array(ELEMENTS);
  for (let i = 0; i < ELEMENTS; i++) data[i] = Math.imul(i + seed, 2654435761);
  return data;
};

const PARAMETERS = [numbers(1), numbers(2), numbers(3)] as const;
const bytesOf = (data: Int32Array): Uint8Array => new Uint8Array(data.buffer);

/** The parameters, given in two pieces each. */
export const handParameters = (): readonly ParameterBytes[] =>
  PARAMETERS.map((data, i) => ({
    digest: sha256Hex(bytesOf(data)),
    offset: OFFSETS[i] ?? 0,
    sizeBytes: BYTES,
    chunks: () => [bytesOf(data).subarray(0, 1000), bytesOf(data).subarray(1000)],
  }));

const tensor = (data: Int32Array): Tensor => ({ dtype: 'i32', shape: [ELEMENTS], data });

export const handInput = (seed: number): Tensor => tensor(numbers(seed));

/** What the program gives for an input. */
export const handOutputs = (x: Tensor): readonly [Tensor, Tensor, Tensor] => {
  const y = new Int32Array(ELEMENTS);
  for (let i = 0; i < ELEMENTS; i++) {
    y[i] = (Math.imul(((x.data[i] ?? 0) + (PARAMETERS[0][i] ?? 0)) | 0, PARAMETERS[1][i] ?? 0) + 7) | 0;
  }
  return [tensor(y), tensor(PARAMETERS[2]), x];
};

const equal = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((byte, i) => byte === b[i]);

/** Whether the bytes are the same; the test framework's own comparison takes long. */
export const sameBytes = (a: readonly Tensor[], b: readonly Tensor[]): boolean =>
  a.length === b.length && a.every((t, i) => b[i] !== undefined && equal(tensorBytes(t), tensorBytes(b[i])));
