import fs from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import * as z from 'zod';
import { nearest, packageRoot, UserError } from '../base/index.ts';

const text = z.strictObject({ ja: z.string(), en: z.string() });

const triggerSpec = z.strictObject({
  id: z.string(),
  basis: z.string(),
  /** Met when any of these elements may have been disclosed. */
  elements: z.array(z.string()).optional(),
  /** Met when all elements of one of these sets may have been disclosed together. */
  together: z.array(z.array(z.string())).optional(),
  /** Elements for which a person has to decide. */
  undecided: z.array(z.string()).optional(),
  roles: z.array(z.string()).optional(),
  improper_purpose: z.boolean().optional(),
  /** Strictly more persons than this (the largest number that cannot be excluded counts). */
  persons_over: z.number(),
});

const dueSpec = z.strictObject({
  days: z.number().optional(),
  /** More days when this trigger is among those met. */
  longer: z.record(z.string(), z.number()).optional(),
  shift: z.enum(['none', 'closed-days']).optional(),
  nature: z.enum(['statute', 'guideline', 'promptly']),
});

const regimeSpec = z.strictObject({
  regime: z.string(),
  name: text,
  valid_from: z.string(),
  zone: z.string(),
  recipients: z.record(z.string(), text),
  triggers: z.array(triggerSpec),
  obligations: z.array(
    z.strictObject({
      id: z.string(),
      kind: z.enum(['preliminary', 'final', 'individual-notice', 'supervisory']),
      legal_basis: z.string(),
      triggers: z.array(z.string()),
      recipient: text.optional(),
      due: dueSpec,
      source: z.string(),
    }),
  ),
});

export type Regime = z.infer<typeof regimeSpec>;
export type Trigger = z.infer<typeof triggerSpec>;
export type ObligationRule = Regime['obligations'][number];

const folder = path.join(packageRoot, 'law');

/** Ids of every regime in law/, sorted. */
export function regimeIds(): string[] {
  return fs
    .readdirSync(folder)
    .filter(f => f.endsWith('.yaml'))
    .map(f => f.slice(0, -5))
    .sort();
}

/** One regime as data. Throws a UserError naming the nearest known id. */
export function readRegime(id: string): Regime {
  const known = regimeIds();
  if (!known.includes(id)) throw new UserError('obligations.unknown-regime', { id, nearest: nearest(id, known) ?? known[0]!, known: known.join(', ') });
  const regime = regimeSpec.parse(parse(fs.readFileSync(path.join(folder, `${id}.yaml`), 'utf8')));
  const ids = new Set(regime.triggers.map(t => t.id));
  for (const o of regime.obligations) for (const t of o.triggers) if (!ids.has(t)) throw new Error(`${o.id} names the unknown trigger ${t}`);
  return regime;
}
