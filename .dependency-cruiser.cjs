// The direction of imports (docs/architecture.md). A level imports only lower levels, siblings do not import each
// other, and a folder is entered through its index.ts. Type-only imports count. Tests are exempt from direction.

const TEST = '[.]test[.]ts$|^tests/|/(testing|__fixtures__)/';

/** Level -> the folders on it. Folders of one level are siblings. `frontend` and `backends` hold one folder a format or target. */
const LEVELS = [
  ['^src/support/'],
  ['^src/ir/'],
  ['^src/frontend/', '^src/passes/', '^src/cvm-bytecode/', '^src/exporters/'],
  ['^src/backends/'],
  ['^src/node/', '^src/conformance/'],
  ['^src/cli/'],
];

const upwards = LEVELS.slice(0, -1).map((folders, level) => ({
  name: `L${level}-imports-upwards`,
  comment: `L${level} (${folders.join(', ')}) imports only lower levels.`,
  severity: 'error',
  from: { path: folders, pathNot: TEST },
  to: { path: LEVELS.slice(level + 1).flat() },
}));

const siblings = LEVELS.flatMap((folders, level) =>
  folders
    .filter(() => folders.length > 1)
    .map((folder) => ({
      name: `L${level}-imports-sibling`,
      comment: 'Folders of one level do not import each other: move what they share one level down.',
      severity: 'error',
      from: { path: folder, pathNot: TEST },
      to: { path: folders.filter((other) => other !== folder) },
    })),
);

/** Group folders: src/frontend/<x>/ and src/backends/<x>/ are siblings; files directly in the group are shared by them. */
const groups = ['frontend', 'backends'].map((group) => ({
  name: `${group}-imports-sibling`,
  comment: `src/${group}/<x> does not import src/${group}/<y>; shared code lives directly in src/${group}/, in src/backends/plan or a level down.`,
  severity: 'error',
  from: { path: `^src/${group}/([^/]+)/`, pathNot: [TEST, '^src/backends/(gpu|fpga)/'] },
  to: { path: `^src/${group}/[^/]+/`, pathNot: [`^src/${group}/$1/`, '^src/backends/plan/index[.]ts$'] },
}));

/** docs/adr/0013: GPUs run what the SIMD machine lowers, printed by the printer of C; the cache and the loader of libraries are shared too. */
const gpuImports = {
  name: 'gpu-imports-of-cpu',
  comment:
    'src/backends/gpu takes the SIMD machine, the printer of C, the cache and what calls libraries from src/backends/cpu, nothing else.',
  severity: 'error',
  from: { path: '^src/backends/gpu/', pathNot: TEST },
  to: {
    path: '^src/backends/(?!gpu/)[^/]+/',
    pathNot: [
      '^src/backends/plan/index[.]ts$',
      '^src/backends/cpu/(simd|cache)/',
      '^src/backends/cpu/port-tensors[.]ts$',
      '^src/backends/cpu/native/(c-module(-names)?|host-koffi|sources)[.]ts$',
    ],
  },
};

/** docs/adr/0016: the FPGA core runs what the SIMD machine lowers. */
const fpgaImports = {
  name: 'fpga-imports-of-cpu',
  comment: 'src/backends/fpga takes the SIMD machine, tensors of ports and the cache from src/backends/cpu, nothing else.',
  severity: 'error',
  from: { path: '^src/backends/fpga/', pathNot: TEST },
  to: {
    path: '^src/backends/(?!fpga/)[^/]+/',
    pathNot: ['^src/backends/plan/index[.]ts$', '^src/backends/cpu/(simd|cache)/', '^src/backends/cpu/port-tensors[.]ts$'],
  },
};

/** A top folder is entered through index.ts; src/backends/backend.ts is the contract and open to all above. */
const plainDoors = ['support', 'ir', 'passes', 'cvm-bytecode', 'exporters', 'node', 'conformance', 'cli'].map((folder) => ({
  name: `enter-${folder}-through-index`,
  comment: `From outside src/${folder} import only src/${folder}/index.ts.`,
  severity: 'error',
  from: { path: '^(src|bench|conformance|examples|scripts)/', pathNot: [`^src/${folder}/`, TEST] },
  to: { path: `^src/${folder}/`, pathNot: `^src/${folder}/index[.]ts$` },
}));
const groupDoors = ['frontend', 'backends'].map((group) => ({
  name: `enter-${group}-through-index`,
  comment: `From outside src/${group} import only src/${group}/index.ts, the index.ts of a member folder, or src/backends/backend.ts.`,
  severity: 'error',
  from: { path: '^(src|bench|conformance|examples|scripts)/', pathNot: [`^src/${group}/`, TEST] },
  to: {
    path: `^src/${group}/`,
    pathNot: [`^src/${group}/index[.]ts$`, `^src/${group}/[^/]+/index[.]ts$`, '^src/backends/backend[.]ts$'],
  },
}));
const registryDoors = ['frontend', 'backends'].map((group) => ({
  name: `enter-${group}-member-through-index`,
  comment: `The registry src/${group}/*.ts imports only the index.ts of a member folder.`,
  severity: 'error',
  from: { path: `^src/${group}/[^/]+$`, pathNot: TEST },
  to: { path: `^src/${group}/[^/]+/`, pathNot: `^src/${group}/[^/]+/index[.]ts$` },
}));

module.exports = {
  forbidden: [
    ...upwards,
    ...siblings,
    ...groups,
    gpuImports,
    fpgaImports,
    ...plainDoors,
    ...groupDoors,
    ...registryDoors,
    {
      name: 'backends-only-by-contract',
      comment:
        'Node, conformance kit and CLI reach a backend only through Backend: src/backends/backend.ts and the registry src/backends/index.ts.',
      severity: 'error',
      from: { path: '^src/(node|conformance|cli)/', pathNot: TEST },
      to: { path: '^src/backends/[^/]+/' },
    },
    {
      name: 'src-stands-alone',
      comment: 'src does not import benchmarks, conformance, examples, scripts or tests.',
      severity: 'error',
      from: { path: '^src/', pathNot: TEST },
      to: { path: `^(bench|conformance|examples|scripts|tests)/|[.]test[.]ts$` },
    },
    {
      name: 'pure-core',
      comment: 'No file system, process, network or clock in src/ir, src/passes and src/cvm-bytecode.',
      severity: 'error',
      from: { path: '^src/(ir|passes|cvm-bytecode)/', pathNot: TEST },
      to: { path: '^(node:)?(fs|fs/promises|child_process|net|http|https|os|worker_threads|timers|perf_hooks|process)$' },
    },
    { name: 'no-cycle', comment: 'No import cycles, type-only imports included.', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'resolvable',
      comment: 'Every import resolves; the peers of bench/peers install packages of their own when they are measured.',
      severity: 'error',
      from: { pathNot: '^bench/peers/' },
      to: { couldNotResolve: true },
    },
    {
      name: 'src-uses-only-dependencies',
      comment:
        'src imports packages from "dependencies" or "optionalDependencies" only; lift.ts takes the types of instructions from binaryen (ADR 0015), and src/node/store/ipfs loads optional peer dependencies by import().',
      severity: 'error',
      from: { path: '^src/', pathNot: `${TEST}|^src/backends/cpu/simd/lift[.]ts$` },
      to: {
        pathNot: '^node_modules/(libp2p|@libp2p|@chainsafe/libp2p-(noise|yamux)|@multiformats/multiaddr)/',
        dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'],
        dependencyTypesNot: ['type-only'],
      },
    },
  ],
  options: {
    parser: 'swc',
    tsPreCompilationDeps: true,
    detectJSDocImports: false,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|build|coverage|tmp|[.]cache|[.]venv)/|^node_modules/[.]' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.js', '.mjs', '.cjs', '.json'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
    reporterOptions: { text: { highlightFocused: true } },
  },
};
