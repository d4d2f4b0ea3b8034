// npm run tour: a model on a chain, called by a contract. npm run tour -- creature|purse: the other two examples. --rpc URL: on a node that runs.
import { creature } from './creature.ts';
import { digits } from './digits.ts';
import { purse } from './purse.ts';
import { Desk, say } from './toolkit.ts';

const EXAMPLES = { digits, creature, purse } as const satisfies Readonly<Record<string, (desk: Desk) => Promise<void>>>;

const main = async (): Promise<void> => {
  const words = process.argv.slice(2);
  const at = words.indexOf('--rpc');
  const url = at < 0 ? undefined : words.splice(at, 2)[1];
  const [name = 'digits', ...more] = words;
  const chosen = name === 'all' ? Object.entries(EXAMPLES) : Object.entries(EXAMPLES).filter(([n]) => n === name);
  if (chosen.length === 0 || more.length > 0 || (at >= 0 && url === undefined)) {
    process.stderr.write(`usage: npm run tour -- [${Object.keys(EXAMPLES).join('|')}|all] [--rpc URL]\n`);
    process.exitCode = 2;
    return;
  }
  const desk = await Desk.create(url);
  try {
    say(url === undefined ? `cortexc node --dev runs at ${desk.url}, and ends with this tour.\n` : `On the node at ${desk.url}.\n`);
    for (const [title, example] of chosen) {
      if (chosen.length > 1) say(`\n--- ${title}`);
      await example(desk);
    }
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  } finally {
    await desk.close();
  }
};

await main();
