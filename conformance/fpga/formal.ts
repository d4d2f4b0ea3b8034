/**
 * Proofs about units of the FPGA core, for all inputs: npm run fpga-formal -- [--json]. Needs yosys, and a minute. Exit status: 0 all
 * are proven, 1 one is not, 2 there is no yosys.
 */
import { PROOFS } from './testing/proofs.ts';

interface Row {
  readonly unit: string;
  readonly what: string;
  readonly proven: boolean;
  readonly seconds: number;
}

const say = (text: string): void => void process.stderr.write(`${text}\n`);

const main = (): number => {
  const rows: Row[] = [];
  for (const [unit, what, prove] of PROOFS) {
    const proof = prove();
    if (!proof.ok) {
      for (const d of proof.diagnostics) say([d.message, ...d.notes].join('\n'));
      return 2;
    }
    const { proven, seconds, says } = proof.value;
    rows.push({ unit, what, proven, seconds });
    say(`${unit}: ${proven ? 'proven' : 'NOT proven'} in ${seconds.toFixed(1)} s: ${what}${proven ? '' : `\n${says}`}`);
  }
  const count = rows.filter((r) => r.proven).length;
  process.stdout.write(process.argv.includes('--json') ? `${JSON.stringify({ rows })}\n` : `${count} of ${rows.length} proven\n`);
  return count === rows.length ? 0 : 1;
};

process.exitCode = main();
