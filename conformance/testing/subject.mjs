// A program under test that misbehaves as told: node subject.mjs MODE [ID]. It does reshape, and on the case ID (every case when
// it is left out) what MODE says.
import { createInterface } from 'node:readline';

const [mode, badId] = process.argv.slice(2);
const say = (value) => process.stdout.write(`${typeof value === 'string' ? value : JSON.stringify(value)}\n`);
const HELLO = {
  protocol: 'cortexc-conformance',
  version: 1,
  name: 'subject',
  ops: ['reshape'],
  refusals: mode === 'accepts' || mode === 'refuses',
};
const flood = (text) => {
  const more = () => {
    while (process.stdout.write(text));
    process.stdout.once('drain', more);
  };
  more();
};

const MISBEHAVE = {
  silent: () => undefined,
  slow: (reply) => setTimeout(() => say(reply), 60_000),
  garbage: () => say('Segmentation fault (core dumped)'),
  'not-an-object': () => say('[1, 2]'),
  'wrong-id': (reply) => say({ ...reply, id: 'reshape/other' }),
  'wrong-length': (reply) => say({ ...reply, results: ['AAAA'] }),
  'wrong-count': (reply) => say({ ...reply, results: [...reply.results, ''] }),
  'not-base64': (reply) => say({ ...reply, results: ['#'.repeat(8)] }),
  'no-results': ({ id }) => say({ id }),
  crash: () => {
    process.stderr.write(`${'.'.repeat(100_000)}out of memory\n`, () => process.exit(9));
  },
  endless: () => flood('A'.repeat(65_536)),
  'many-lines': (reply) => {
    say(reply);
    flood('{"id":"?"}\n');
  },
  'wrong-value': ({ id, results: [first] }) => {
    // another first byte
    say({ id, results: [(first.startsWith('A') ? 'B' : 'A') + first.slice(1)] });
  },
  refuses: ({ id }) => say({ id, refused: 'not today' }),
};

const GREET = {
  'bad-greeting': () => say('hello'),
  'other-version': () => say({ ...HELLO, version: 2 }),
  'other-op': () => say({ ...HELLO, ops: ['no_such_op'] }),
  'dies-at-start': () => {
    process.stderr.write('cannot open the device\n', () => process.exit(3));
  },
};

const answer = ({ id, operands, results }) => {
  const reply = { id, results: results.length === 0 ? [] : [operands[0].data] };
  const misbehave = MISBEHAVE[mode];
  if (misbehave !== undefined && (badId === undefined || badId === id)) misbehave(reply);
  else say(reply);
};

let greeted = false;
createInterface({ input: process.stdin }).on('line', (line) => {
  if (greeted) answer(JSON.parse(line));
  else (GREET[mode] ?? (() => say(HELLO)))();
  greeted = true;
});
