import { broken, type FileBytes, MAX_DEPTH, Visits, widthOf } from './bytes.ts';

/**
 * Leaves of a B-tree of version 1, TREE: f of each key and the address under it. Section III.A.1.
 * @param kind - 0: symbols of a group, 1: chunks of a dataset
 */
export const walkTree = (
  file: FileBytes,
  root: number | undefined,
  kind: 0 | 1,
  keyBytes: number,
  leaf: (key: number, child: number | undefined) => void,
): void => {
  const visits = new Visits();
  const walk = (address: number | undefined, above: number): void => {
    const start = file.block(address, 'TREE');
    visits.add(start);
    const level = file.u8(start + 5);
    if (file.u8(start + 4) !== kind || level >= above) return broken(`the tree at ${start} is of another kind or level`);
    const used = file.u16(start + 6);
    for (let i = 0; i < used; i++) {
      const key = start + 24 + i * (keyBytes + 8);
      const child = file.address(key + keyBytes);
      if (level === 0) leaf(key, child);
      else walk(child, level);
    }
  };
  walk(root, MAX_DEPTH);
};

/** Records of a B-tree of version 2, BTHD, BTIN and BTLF: f of the place of each. Section III.A.2. */
export const walkRecords = (file: FileBytes, header: number | undefined, record: (at: number) => void): void => {
  const start = file.block(header, 'BTHD');
  const [nodeBytes, recordBytes, depth] = [file.u32(start + 6), file.u16(start + 10), file.u16(start + 12)];
  if (recordBytes < 1 || depth > MAX_DEPTH) return broken(`the tree at ${start} has ${depth} levels`);
  // what a node of each level holds at most says how wide the counts in the level above are
  const most = [Math.floor((nodeBytes - 10) / recordBytes)];
  const total = [most[0] ?? 0];
  const widths: (readonly [records: number, all: number])[] = [[0, 0]];
  for (let u = 1; u <= depth; u++) {
    const [below, all] = [most[u - 1] ?? 0, total[u - 1] ?? 0];
    const own = [widthOf(most[0] ?? 0), u > 1 ? widthOf(all) : 0] as const;
    const held = Math.floor((nodeBytes - 10 - 8 - own[0] - own[1]) / (recordBytes + 8 + own[0] + own[1]));
    if (!(below > 0 && held > 0)) return broken(`the tree at ${start} has nodes of ${nodeBytes} bytes`);
    widths.push(own);
    most.push(held);
    total.push((held + 1) * all + held);
  }
  const visits = new Visits();
  const walk = (address: number | undefined, count: number, level: number): void => {
    const node = file.block(address, level === 0 ? 'BTLF' : 'BTIN');
    visits.add(node);
    if (count > (most[level] ?? 0)) return broken(`the node at ${node} has ${count} records`);
    const records = node + 6;
    for (let i = 0; i < count; i++) record(records + i * recordBytes);
    if (level === 0) return;
    const [ownWidth, allWidth] = widths[level] ?? [0, 0];
    for (let i = 0; i <= count; i++) {
      const child = records + count * recordBytes + i * (8 + ownWidth + allWidth);
      walk(file.address(child), file.uint(child + 8, ownWidth), level - 1);
    }
  };
  if (file.address(start + 16) !== undefined) walk(file.address(start + 16), file.u16(start + 24), depth);
};
