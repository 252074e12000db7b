import fs from 'node:fs';
import path from 'node:path';
import { type Effects, packageRoot } from './base/index.ts';
import type { OpenCase } from './case/index.ts';
import { detect } from './detections/index.ts';
import { estimateClockOffsets, measureCoverage, readEvents } from './events/index.ts';
import { collectEvidence, inputsRoot, rehashEvidence, sealOutputs, writeManifest } from './evidence/index.ts';
import { assessExposure, writeCells, writeRecovered } from './exposure/index.ts';
import { reconstruct } from './intrusion/index.ts';
import { draftNotices } from './notices/index.ts';
import { determineObligations } from './obligations/index.ts';
import { classifyColumns, countExposure, type ExposureCounts, identifyPersons, writePersons } from './persons/index.ts';
import { writeReports } from './reports/index.ts';
import { assembleResult, type Result } from './result.ts';
import { recordRun } from './revisions/index.ts';

export const version: string = (JSON.parse(fs.readFileSync(path.join(packageRoot, 'package.json'), 'utf8')) as { version: string }).version;

export type InvestigateOptions = { readonly timeStampAuthority: string | null };

/** From the evidence to the figures. Each line reads the tables before it and writes its own. */
export async function count(kase: OpenCase, effects: Effects): Promise<ExposureCounts> {
  await collectEvidence(kase, effects);
  await readEvents(kase, effects);
  await estimateClockOffsets(kase, effects);
  await measureCoverage(kase, effects);
  await detect(kase, effects);
  await reconstruct(kase, effects);
  await assessExposure(kase, effects);
  await classifyColumns(kase, effects);
  await identifyPersons(kase, effects);
  return countExposure(kase);
}

/** One investigation, first byte to last letter. Each line reads the tables before it and writes its own. */
export async function investigate(kase: OpenCase, options: InvestigateOptions, effects: Effects): Promise<Result> {
  const startedUs = effects.now();
  const counts = await count(kase, effects);
  const obligations = await determineObligations(kase, counts, effects);
  await rehashEvidence(kase, effects);
  await writeManifest(kase, { timeStampAuthority: options.timeStampAuthority }, effects);

  await writeCells(kase);
  await writeRecovered(kase);
  await writePersons(kase);
  const seconds = Math.round((effects.now() - startedUs) / 100_000) / 10;
  const facts = { version, startedUs, seconds, inputsRoot: await inputsRoot(kase) };
  await draftNotices(kase, await assembleResult(kase, counts, obligations, facts), effects);
  const result = await assembleResult(kase, counts, obligations, facts);
  recordRun(kase, result.exposure, facts, effects);
  fs.writeFileSync(path.join(kase.outDir, 'result.json'), `${JSON.stringify(result, null, 1)}\n`);
  await writeReports(kase, result, effects);
  await sealOutputs(kase.outDir, kase.engine);
  return result;
}
