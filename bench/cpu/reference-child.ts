/**
 * Runs samples of a package on the reference interpreter and keeps what comes out: reference-child.js PACKAGE SAMPLE...
 * A process of its own, so that each core of the machine can take some.
 */
import { at } from '../../src/support/index.ts';
import { executableOn } from '../models.ts';
import { keepReference, SAMPLES, samplesOf } from './expected.ts';
import { programOf } from './prepare.ts';

const [, , path = '', ...wanted] = process.argv;
const program = programOf(path);
const samples = samplesOf(program, SAMPLES);
const reference = await executableOn('reference', program);
for (const k of wanted.map(Number)) keepReference(program, k, reference.run(at(samples, k)));
