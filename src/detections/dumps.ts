import type { Engine } from '../engine/index.ts';
import type { Detection } from './tables.ts';
export async function detectDumps(_engine: Engine): Promise<Detection[]> { return []; }
