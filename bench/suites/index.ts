import type { Suite } from '../rows.ts';
import { digits } from './digits.ts';

export const SUITES: readonly Suite[] = [digits];
