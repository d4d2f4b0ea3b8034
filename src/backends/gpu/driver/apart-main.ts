import { invariant, MrlError, unwrap } from '../../../support/index.ts';
import type { Answer, At, ProgramStart, Request } from './apart-protocol.ts';
import { chooseDevice, type DeviceInfo } from './device.ts';
import { type Driver, loadDriver } from './driver.ts';
import type { Platform } from './functions.ts';
import { GpuInstance } from './host.ts';

// The process that a program runs in (apart.ts): the driver is loaded here, and what it does to a process it does to this one.

let found: { readonly driver: Driver; readonly device: DeviceInfo } | undefined;
let instance: GpuInstance | undefined;
/** Parameters by the number of their part. */
const pieces = new Map<number, Uint8Array[]>();

const joined = (parts: readonly Uint8Array[]): Uint8Array => {
  const [first] = parts;
  if (parts.length === 1 && first !== undefined) return first;
  const all = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
};

const find = (platform: Platform): Answer => {
  const driver = unwrap(loadDriver(process.env, platform));
  const device = unwrap(chooseDevice(driver));
  found = { driver, device };
  return { kind: 'device', device, isFake: driver.isFake };
};

const open = ({ program, images, timeoutMs, traced }: ProgramStart): Answer => {
  invariant(found !== undefined, 'the device is asked for first');
  const file = program.file.map((part, i) => ({ ...part, content: joined(pieces.get(i) ?? []) }));
  pieces.clear();
  const trace = traced ? (place: At['place']) => void process.send?.({ kind: 'at', place } satisfies At) : undefined;
  instance = unwrap(GpuInstance.open(found.driver, found.device, { ...program, file }, images, { timeoutMs, trace }));
  return { kind: 'opened' };
};

const answerTo = (request: Exclude<Request, { kind: 'piece' }>): Answer => {
  switch (request.kind) {
    case 'device':
      return find(request.platform);
    case 'open':
      return open(request.start);
    case 'run':
      invariant(instance !== undefined, 'a program is opened first');
      return { kind: 'results', outputs: instance.run(request.inputs) };
  }
};

process.on('message', (message) => {
  const request = message as Request;
  if (request.kind === 'piece') {
    pieces.set(request.part, [...(pieces.get(request.part) ?? []), request.bytes]);
    return;
  }
  let answer: Answer;
  try {
    answer = answerTo(request);
  } catch (error) {
    answer = { kind: 'failed', diagnostics: error instanceof MrlError ? error.diagnostics : [], text: String(error) };
  }
  process.send?.(answer);
});
// nobody is left who could ask
process.on('disconnect', () => process.exit());
