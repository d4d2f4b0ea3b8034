import { hasText } from './picture.ts';

/** One colour component of a JPEG frame: sampling factors, and the 8x8 blocks that its samples take. */
interface JpegComponent {
  readonly id: number;
  readonly h: number;
  readonly v: number;
  readonly blocksAcross: number;
  readonly blocksDown: number;
}

interface JpegFrame {
  readonly width: number;
  readonly height: number;
  readonly components: readonly JpegComponent[];
  /** Minimum coded units of an interleaved scan. */
  readonly units: number;
}

export interface JpegLayout extends JpegFrame {
  /** Blocks that the scans must code, at least one bit each. */
  readonly blocks: number;
  /** Blocks with the padding to whole units, which a decoder allocates. */
  readonly paddedBlocks: number;
  /** The components are YCbCr, or a single gray; false when they are RGB. */
  readonly luminanceChrominance: boolean;
  /** One past the end-of-image marker; what follows (a second picture, a video) is not this picture. */
  readonly end: number;
}

export type ReadJpegLayout =
  | { readonly kind: 'layout'; readonly layout: JpegLayout }
  | { readonly kind: 'damaged'; readonly problem: string }
  | { readonly kind: 'unsupported'; readonly feature: string };

const damaged = (problem: string) => ({ kind: 'damaged', problem }) as const;
const unsupported = (feature: string) => ({ kind: 'unsupported', feature }) as const;
type Refusal = ReturnType<typeof damaged> | ReturnType<typeof unsupported>;

// Marker codes: ITU-T T.81, table B.1.
const SOI = 0xd8;
const EOI = 0xd9;
const SOS = 0xda;
const DRI = 0xdd;
const APP0 = 0xe0;
const APP14 = 0xee;
const isRestart = (marker: number | undefined): boolean => marker !== undefined && marker >= 0xd0 && marker <= 0xd7;

const PROCESSES: ReadonlyMap<number, string | undefined> = new Map([
  [0xc0, undefined],
  [0xc1, undefined],
  [0xc2, undefined],
  [0xc3, 'lossless coding'],
  [0xc5, 'hierarchical coding'],
  [0xc6, 'hierarchical coding'],
  [0xc7, 'hierarchical lossless coding'],
  [0xc9, 'arithmetic coding'],
  [0xca, 'arithmetic coding'],
  [0xcb, 'lossless arithmetic coding'],
  [0xcd, 'hierarchical arithmetic coding'],
  [0xce, 'hierarchical arithmetic coding'],
  [0xcf, 'hierarchical arithmetic coding'],
]);

/** Scans cost time for each block however few bytes they have; encoders write about ten. */
const MAX_SCANS = 100;
const MAX_FACTOR = 4;

/** Reads a frame header (T.81 B.2.2); `at` is its length field. */
const readFrame = (view: DataView, at: number, length: number): JpegFrame | Refusal => {
  if (length < 8) return damaged(`the frame header at byte ${at} has ${length} bytes`);
  const precision = view.getUint8(at + 2);
  const height = view.getUint16(at + 3);
  const width = view.getUint16(at + 5);
  const count = view.getUint8(at + 7);
  if (precision !== 8) return unsupported(`${precision}-bit samples are not read, only 8-bit ones`);
  if (count === 4) return unsupported('four components (CMYK or YCCK) are not read: ink values have no defined RGB colour');
  if (count !== 1 && count !== 3) return unsupported(`${count} components are not read, only 1 (gray) or 3 (YCbCr, RGB)`);
  if (height === 0) return unsupported('a height of 0 (given later by a DNL marker) is not read');
  if (width === 0 || length !== 8 + 3 * count) return damaged(`the frame header at byte ${at} contradicts itself`);
  const raw = Array.from({ length: count }, (_, i) => {
    const factors = view.getUint8(at + 9 + 3 * i);
    return { id: view.getUint8(at + 8 + 3 * i), h: factors >> 4, v: factors & 15 };
  });
  if (raw.some(({ h, v }) => h < 1 || v < 1 || h > MAX_FACTOR || v > MAX_FACTOR)) {
    return damaged(`the frame header at byte ${at} has a sampling factor outside 1..${MAX_FACTOR}`);
  }
  if (new Set(raw.map(({ id }) => id)).size !== count) return damaged(`the frame header at byte ${at} names a component twice`);
  const maxH = Math.max(...raw.map(({ h }) => h));
  const maxV = Math.max(...raw.map(({ v }) => v));
  const components = raw.map((component) => ({
    ...component,
    blocksAcross: Math.ceil((Math.ceil(width / 8) * component.h) / maxH),
    blocksDown: Math.ceil((Math.ceil(height / 8) * component.v) / maxV),
  }));
  return { width, height, components, units: Math.ceil(width / 8 / maxH) * Math.ceil(height / 8 / maxV) };
};

/** The components that a scan header (T.81 B.2.3) names. */
const readScan = (view: DataView, at: number, length: number, frame: JpegFrame): readonly JpegComponent[] | Refusal => {
  const count = length < 3 ? 0 : view.getUint8(at + 2);
  if (count < 1 || count > 3 || length !== 6 + 2 * count) return damaged(`the scan header at byte ${at} contradicts itself`);
  const found: JpegComponent[] = [];
  for (let i = 0; i < count; i++) {
    const id = view.getUint8(at + 3 + 2 * i);
    const component = frame.components.find((c) => c.id === id);
    if (!component || found.includes(component)) return damaged(`the scan at byte ${at} names component ${id}, which it cannot have`);
    found.push(component);
  }
  return found;
};

/** Skips entropy-coded bytes. @returns where the next marker stands and how many restart markers were passed */
const skipEntropyCoded = (bytes: Uint8Array, from: number): { readonly at: number; readonly restarts: number } | undefined => {
  let restarts = 0;
  for (let at = bytes.indexOf(0xff, from); at !== -1; at = bytes.indexOf(0xff, at + 1)) {
    const next = bytes[at + 1];
    if (isRestart(next)) restarts++;
    else if (next !== undefined && next !== 0 && next !== 0xff) return { at, restarts };
  }
  return undefined;
};

/** What the walk over the markers collects. */
interface Walk {
  frame: JpegFrame | undefined;
  restartInterval: number;
  scans: number;
  jfif: boolean;
  /** Colour transform of the Adobe marker: 0 none, 1 YCbCr. */
  adobe: number | undefined;
  readonly coded: Set<JpegComponent>;
}

/** Checks one scan and passes over its data. @returns where the next marker stands */
const walkScan = (bytes: Uint8Array, view: DataView, at: number, length: number, walk: Walk): number | Refusal => {
  const { frame } = walk;
  if (!frame) return damaged(`the scan at byte ${at} comes before the frame header`);
  const components = readScan(view, at, length, frame);
  if ('kind' in components) return components;
  walk.scans++;
  if (walk.scans > MAX_SCANS) return unsupported(`more than ${MAX_SCANS} scans are not read`);
  const skipped = skipEntropyCoded(bytes, at + length);
  if (!skipped) return damaged(`the file ends at byte ${bytes.length}, within a scan`);
  const [first] = components;
  const units = components.length === 1 && first ? first.blocksAcross * first.blocksDown : frame.units;
  const restarts = walk.restartInterval === 0 ? 0 : Math.ceil(units / walk.restartInterval) - 1;
  if (skipped.restarts < restarts) {
    return damaged(`the scan at byte ${at} has ${skipped.restarts} of ${restarts} restart markers: a part of the picture is missing`);
  }
  for (const component of components) walk.coded.add(component);
  return skipped.at;
};

/** Takes in one marker segment. @returns where the next marker stands */
const walkSegment = (bytes: Uint8Array, view: DataView, marker: number, at: number, walk: Walk): number | Refusal => {
  const length = at + 2 <= bytes.length ? view.getUint16(at) : 0;
  if (length < 2 || at + length > bytes.length) {
    return damaged(`the segment at byte ${at} says ${length} bytes, but ${bytes.length - at} are left`);
  }
  if (PROCESSES.has(marker)) {
    const refused = PROCESSES.get(marker);
    if (refused !== undefined) return unsupported(`${refused} is not read`);
    if (walk.frame) return damaged(`there is a second frame header at byte ${at}`);
    const frame = readFrame(view, at, length);
    if ('kind' in frame) return frame;
    walk.frame = frame;
  } else if (marker === SOS) {
    return walkScan(bytes, view, at, length, walk);
  } else if (marker === DRI) {
    if (length !== 4) return damaged(`the restart interval at byte ${at} has ${length} bytes, not 4`);
    walk.restartInterval = view.getUint16(at + 2);
  } else if (marker === APP0 && length >= 7 && hasText(bytes, 'JFIF\0', at + 2)) {
    walk.jfif = true;
  } else if (marker === APP14 && length >= 14 && hasText(bytes, 'Adobe', at + 2)) {
    walk.adobe = view.getUint8(at + 13);
  }
  return at + length;
};

/** Three components are RGB when Adobe's marker says so, or when nothing speaks for YCbCr and they are called R, G, B. */
const isLuminanceChrominance = (walk: Walk, frame: JpegFrame): boolean => {
  if (frame.components.length === 1 || walk.jfif) return true;
  if (walk.adobe !== undefined) return walk.adobe !== 0;
  return String.fromCharCode(...frame.components.map(({ id }) => id)) !== 'RGB';
};

/**
 * Walks a JPEG file marker by marker without decoding it: everything that a decoder would allocate for is known, and
 * lengths, scans and restart markers are shown to be complete, before a decoder sees the file.
 */
export const readJpegLayout = (bytes: Uint8Array): ReadJpegLayout => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const walk: Walk = { frame: undefined, restartInterval: 0, scans: 0, jfif: false, adobe: undefined, coded: new Set() };
  let at = 2;
  for (;;) {
    if (at >= bytes.length) return damaged(`the file ends at byte ${bytes.length}, before the end-of-image marker`);
    if (bytes[at] !== 0xff) return damaged(`there is no marker at byte ${at}`);
    while (bytes[at + 1] === 0xff) at++;
    const marker = bytes[at + 1];
    if (marker === undefined) return damaged(`the file ends at byte ${bytes.length}, before the end-of-image marker`);
    if (marker === EOI) break;
    if (marker < 0xc0 || marker === SOI || isRestart(marker))
      return damaged(`the marker ff${marker.toString(16)} at byte ${at} is misplaced`);
    const next = walkSegment(bytes, view, marker, at + 2, walk);
    if (typeof next !== 'number') return next;
    at = next;
  }
  const { frame } = walk;
  if (!frame) return damaged('there is no frame header');
  if (walk.coded.size !== frame.components.length)
    return damaged(`only ${walk.coded.size} of ${frame.components.length} components have data`);
  return {
    kind: 'layout',
    layout: {
      ...frame,
      blocks: frame.components.reduce((sum, c) => sum + c.blocksAcross * c.blocksDown, 0),
      paddedBlocks: frame.components.reduce((sum, c) => sum + frame.units * c.h * c.v, 0),
      luminanceChrominance: isLuminanceChrominance(walk, frame),
      end: at + 2,
    },
  };
};
