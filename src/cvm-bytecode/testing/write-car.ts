import { CarBufferWriter } from '@ipld/car';
import type { Block } from '../car.ts';

/** CAR version 1 with the first block, or the first two, as roots; by the library, so that what we write is compared with it. */
export const writeCar = (blocks: readonly [Block, ...Block[]], rootCount: 1 | 2 = 1): Uint8Array => {
  const roots = blocks.slice(0, rootCount).map((block) => block.cid);
  const headerSize = CarBufferWriter.headerLength({ roots });
  const size = blocks.reduce((n, block) => n + CarBufferWriter.blockLength(block), headerSize);
  const writer = CarBufferWriter.createWriter(new ArrayBuffer(size), { roots, headerSize });
  for (const block of blocks) writer.write(block);
  return writer.close();
};
