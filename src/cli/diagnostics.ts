import { closest, type Diagnostic, diagnostic } from '../support/index.ts';

const didYouMean = (word: string, candidates: Iterable<string>, shown = (c: string): string => c): string[] => {
  const candidate = closest(word, candidates);
  return candidate === undefined ? [] : [`Did you mean ${shown(candidate)}?`];
};

export const unknownCommand = (name: string, commands: readonly string[]): Diagnostic =>
  diagnostic('CLI1001', `there is no command ${name}`, {
    notes: [...didYouMean(name, commands), `Usage: cortexc <${commands.join('|')}> [options]`],
  });

export const unknownOption = (name: string, options: readonly string[], usage: string): Diagnostic =>
  diagnostic('CLI1002', `there is no option ${name.length === 1 ? '-' : '--'}${name}`, {
    notes: [...didYouMean(name, options, (c) => `--${c}`), `Usage: ${usage}`],
  });

export const optionValue = (option: string, problem: string, notes: readonly string[] = []): Diagnostic =>
  diagnostic('CLI1003', `--${option} ${problem}`, { notes });

export const choiceUnknown = (option: string, given: string, choices: readonly string[]): Diagnostic =>
  optionValue(option, `is ${given} but takes one of ${choices.join(', ')}`, didYouMean(given, choices));

export const argumentMissing = (name: string, usage: string): Diagnostic =>
  diagnostic('CLI1004', `argument ${name} is missing`, { notes: [`Usage: ${usage}`] });

export const argumentsTooMany = (extra: readonly string[], usage: string): Diagnostic =>
  diagnostic('CLI1004', `${extra.length === 1 ? 'argument' : 'arguments'} ${extra.join(' ')} not expected`, { notes: [`Usage: ${usage}`] });

export const optionsConflict = (problem: string, remedy: string): Diagnostic => diagnostic('CLI1005', problem, { notes: [remedy] });

export const calibrationMissing = (): Diagnostic =>
  diagnostic('CLI1006', 'INT8 needs calibration data, and none is given', {
    notes: [
      'Give samples like those the model will see: --calibration samples.npy, or a folder of .npy files or pictures.',
      'To measure size, cost and speed only: --random-calibration 8. To keep float32: --float.',
    ],
  });

/** @param remedy - beside compiling anew */
export const provenanceMissing = (path: string, what: string, remedy?: string): Diagnostic =>
  diagnostic('CLI2014', `the package cannot be rebuilt: ${what}`, { where: path, ...(remedy === undefined ? {} : { notes: [remedy] }) });

export const calibrationRandom = (samples: number): Diagnostic =>
  diagnostic('CLI1007', `the activation ranges come from ${samples} random ${samples === 1 ? 'sample' : 'samples'}, not from data`, {
    severity: 'warning',
    notes: ['Size, cost and speed are right, the accuracy is not: give --calibration before publishing.'],
  });

export const paramsRandom = (): Diagnostic =>
  diagnostic('CLI1009', 'parameters without data are random', {
    severity: 'warning',
    notes: ['Size, cost and speed are right, the results mean nothing: give --params before publishing.'],
  });

export const codeUnknown = (code: string, codes: Iterable<string>): Diagnostic =>
  diagnostic('CLI1008', `there is no diagnostic code ${code}`, { notes: didYouMean(code, codes) });

export const fileMissing = (path: string, siblings: readonly string[]): Diagnostic =>
  diagnostic('CLI2001', 'the file does not exist', {
    where: path,
    notes: didYouMean(path.split('/').at(-1) ?? path, siblings),
  });

export const fileIsFolder = (path: string, remedy?: string): Diagnostic =>
  diagnostic('CLI2002', 'this is a folder, but a file is expected', { where: path, notes: remedy === undefined ? [] : [remedy] });

export const fileEmpty = (path: string): Diagnostic =>
  diagnostic('CLI2003', 'the file has 0 bytes', { where: path, notes: ['Write or copy it again.'] });

export const fileUnreadable = (path: string, reason: string): Diagnostic =>
  diagnostic('CLI2004', `the operating system refuses to read it: ${reason}`, {
    where: path,
    notes: ['Check its permissions and the disk.'],
  });

export const fileTooLarge = (path: string, size: number, limit: number): Diagnostic =>
  diagnostic('CLI2005', `the file has ${size} bytes, but ${limit} are the most for this kind`, { where: path });

export const fileUnwritable = (path: string, reason: string): Diagnostic =>
  diagnostic('CLI2006', `the operating system refuses to write it: ${reason}`, {
    where: path,
    notes: ['Check that the folder exists and is writable.'],
  });

export const notAModel = (path: string, found: string): Diagnostic =>
  diagnostic('CLI2007', `${found}, which is no model that can be read`, {
    where: path,
    notes: ['Name it .onnx, .tflite or .mrl if it is one, or export it as ONNX with the tool that wrote it.'],
  });

export const externalDataRefused = (model: string, location: string, problem: string): Diagnostic =>
  diagnostic('CLI2008', `external data ${JSON.stringify(location)} ${problem}`, {
    where: model,
    notes: ['Put the data file beside the model.'],
  });

export const folderUseless = (path: string, wanted: string): Diagnostic =>
  diagnostic('CLI2009', `no file in this folder is ${wanted}`, { where: path });

export const sampleMisfit = (path: string, message: string, notes: readonly string[] = []): Diagnostic =>
  diagnostic('CLI2010', message, { where: path, notes });

export const inputsMismatch = (message: string, wanted: string): Diagnostic =>
  diagnostic('CLI2011', message, { notes: [`The model takes: ${wanted}.`] });

export const labelsMisfit = (path: string, message: string, severity: 'error' | 'warning' = 'error'): Diagnostic =>
  diagnostic('CLI2012', message, { where: path, severity });

export const wrongKind = (path: string, message: string, remedy: string): Diagnostic =>
  diagnostic('CLI2013', message, { where: path, notes: [remedy] });

export const resultsDiffer = (output: string, backend: string, other: string, detail: string): Diagnostic =>
  diagnostic('CLI3001', `output ${output}: ${backend} and ${other} differ: ${detail}`, {
    notes: ['Report this with the model and the input: backends must agree in every byte.'],
  });

export const notFormatted = (path: string, canonical: boolean): Diagnostic =>
  diagnostic('CLI3002', `the file is not in ${canonical ? 'canonical form' : 'the layout that fmt writes'}`, {
    where: path,
    notes: [`Write it: cortexc fmt ${canonical ? '--canonical ' : ''}-w ${path}`],
  });

export const fileReplaced = (path: string): Diagnostic =>
  diagnostic('CLI3003', 'the file existed and was replaced', { where: path, severity: 'note' });

/** A problem of a backend that another one got round. */
export const ranElsewhere = (problem: Diagnostic, wanted: string, instead: string): Diagnostic => ({
  ...problem,
  severity: 'warning',
  notes: [...problem.notes, `Runs on ${instead} instead of ${wanted}: the results are the same bytes. --no-fallback makes this an error.`],
});

export const folderInUse = (path: string, entries: number): Diagnostic =>
  diagnostic('CLI2015', `the folder holds ${entries} ${entries === 1 ? 'entry' : 'entries'} that cortexc did not just write`, {
    where: path,
    notes: ['Choose another folder with -o, or give --force to write into it; files of other names stay.'],
  });

export const checkFailed = (command: string, folder: string, reason: string): Diagnostic =>
  diagnostic('CLI3006', `\`${command}\` does not succeed: ${reason}`, { where: folder });

export const tooSlow = (row: string, gmacs: number, wanted: number): Diagnostic =>
  diagnostic('CLI3005', `${row} reaches ${gmacs.toFixed(2)} GMAC/s, but --at-least asks for ${wanted}`);

export const oneByOne = (samples: number, place: string, reason: string): Diagnostic =>
  diagnostic('CLI3007', `the model cannot take ${samples} samples at once, so they run one after another: ${reason}`, {
    severity: 'warning',
    where: place,
  });

export const rowLeftOut = (row: string, problem: Diagnostic): Diagnostic => ({
  ...problem,
  severity: 'warning',
  message: `${row} is left out: ${problem.message}`,
});
