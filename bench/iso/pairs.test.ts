import { describe, expect, jest, test } from '@jest/globals';
import { elementCount, type Program } from '../../src/ir/index.ts';
import { certificateOf, checkCertificate, comparePrograms, describeDifference, parseCertificate } from '../../src/passes/index.ts';
import { at } from '../../src/support/index.ts';
import { dataFolder } from '../data.ts';
import { importModel, isImportable } from './models.ts';
import { isArchitecture, type ModelPair, PAIRS } from './pairs.ts';

jest.setTimeout(300_000);

const data = dataFolder();
if (data === undefined) console.warn('pairs of models are skipped: the data folder is not there (set CORTEXC_DATA)');
const withData = data === undefined ? describe.skip : describe;

const missing = ({ a, b }: ModelPair): readonly string[] => (data === undefined ? [] : [a, b].filter((path) => !isImportable(data, path)));

/** Pairs of networks of 44 to 144 million parameters: minutes in a test, so that `npm run bench -- iso` compares them. */
const isLarge = ({ network }: ModelPair): boolean => /VGG|AlexNet|ResNeXt|ResNet-152: v1/.test(network);

/** Parameters above which certificates are left to smaller pairs. */
const LARGE = 2 ** 24;
const parameters = ({ params }: Program): number => params.reduce((n, p) => n + elementCount(p.tensor.shape), 0);

withData('pairs from two frameworks', () => {
  test.each(PAIRS.filter((p) => missing(p).length === 0 && !isLarge(p)).map((p) => [p.network, p] as const))('%s', async (_, pair) => {
    const structureOnly = isArchitecture(pair.a) && isArchitecture(pair.b);
    const a = await importModel(data ?? '', pair.a, { ...pair.given?.a, structureOnly });
    const b = await importModel(data ?? '', pair.b, { ...pair.given?.b, structureOnly });
    const comparison = comparePrograms(a, b, { quantized: pair.quantized ?? false, structureOnly });
    expect({ network: pair.network, reached: comparison.reached }).toEqual({ network: pair.network, reached: pair.reached });
    const told = [...comparison.notes, ...(comparison.difference === undefined ? [] : [describeDifference(comparison.difference)])].join(
      '; ',
    );
    if (pair.says !== undefined) expect(told).toMatch(pair.says);
    if (pair.reached < 0) expect(comparison.difference).toBeDefined();
    // the other way round is the same answer
    expect(comparePrograms(b, a, { quantized: pair.quantized ?? false, structureOnly }).reached).toBe(pair.reached);
    // a certificate names both models by hashes of all their weights: hundreds of megabytes, six times
    if (parameters(a) > LARGE) return;
    const certificate = certificateOf(a, b, comparison);
    expect(certificate !== undefined).toBe(pair.reached >= 0);
    if (certificate === undefined) return;
    const read = parseCertificate(JSON.stringify(certificate));
    expect(read).toEqual(certificate);
    expect(checkCertificate(certificate, a, b)).toEqual([]);
    const [first, second] = [at(certificate.pairs, 0), at(certificate.pairs, certificate.pairs.length - 1)];
    const swapped = [[first[0], second[1]] as const, ...certificate.pairs.slice(1, -1), [second[0], first[1]] as const];
    expect(checkCertificate({ ...certificate, pairs: swapped }, a, b)).not.toEqual([]);
  });

  for (const pair of PAIRS) {
    const files = missing(pair);
    if (isLarge(pair)) test.skip(`${pair.network}: compared by npm run bench -- iso`, () => undefined);
    else if (files.length > 0) test.skip(`${pair.network}: no importer for ${files.join(', ')}`, () => undefined);
  }
});
