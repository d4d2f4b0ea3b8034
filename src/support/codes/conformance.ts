import type { CodeInfo } from './info.ts';

export const conformanceCodes = {
  CNF0001: {
    title: 'no conformance vectors',
    explain: 'The digests of the expected results come with cortexc, in conformance/vectors. The folder is missing or damaged.',
    exit: 3,
  },
  CNF0003: {
    title: 'not an Ed25519 key',
    explain:
      'Reports are signed with an Ed25519 private key in PEM (PKCS #8): `openssl genpkey -algorithm ed25519 -out key.pem` makes one.',
    exit: 3,
  },
  CNF0004: {
    title: 'not a conformance report',
    explain: '--verify takes the JSON report that `cortexc conformance --report report.json` wrote.',
    exit: 3,
  },
  CNF0005: {
    title: 'signature does not fit the report',
    explain: 'The report was changed after it was signed, it has no signature, or another key signed it than the one given.',
    exit: 1,
  },
  CNF0006: {
    title: 'report is about other vectors',
    explain: 'The report names the digest of the vector set that was run, and it is not the set of this cortexc. Run the same version.',
    exit: 1,
  },
  CNF0007: {
    title: 'program under test does not start',
    explain:
      'The command of --exec has to answer the greeting within the time limit, as docs/conformance-protocol.md says. What it wrote to stderr is shown.',
    exit: 3,
  },
  CNF0008: {
    title: 'results do not conform',
    explain: 'At least one case failed: the report lists op, shape, data, the first element that differs and a program that repeats it.',
    exit: 1,
  },
} as const satisfies Record<string, CodeInfo>;
