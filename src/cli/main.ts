#!/usr/bin/env node
import { runCli } from './app.ts';
import { start } from './start.ts';

// The command line as it stands in the sources; cortexc.ts is the one that is installed.
await start((words, io) => runCli(words, io));
