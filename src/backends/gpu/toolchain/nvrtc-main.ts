import { readFileSync } from 'node:fs';
import { findNvrtc, type NvrtcJob, runJob } from './nvrtc.ts';

// node nvrtc-main.js JOB.json: compiles the units of a job (nvrtc.ts) in a process of its own. Exit code 255 ends all beside it.

const job = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as NvrtcJob;
const nvrtc = findNvrtc({ CORTEXC_NVRTC: job.library });
const problem = nvrtc === undefined ? `${job.library} does not load` : runJob(job, nvrtc);
if (problem !== undefined) {
  process.stdout.write(`${problem}\n`);
  process.exitCode = 255;
}
