import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { CaseStore } from '../case/index.ts';
import type { Finding } from './finding.ts';
import type { Manifest } from './manifest.ts';

export type JournalCheck = { readonly findings: Finding[]; readonly acts: number; readonly grew: boolean };

/**
 * Walk the custody chain on a copy (the original is never opened for writing), find the act that the tree head names, and the receipt
 * of every file of the manifest.
 */
export function checkJournal(outDir: string, manifest: Manifest | null, sealed: { seq: number; hash: string } | null): JournalCheck {
  const file = path.join(outDir, 'case.sqlite');
  const findings: Finding[] = [];
  const bad = (code: string, extra: Partial<Finding> = {}): void =>
    void findings.push({ level: 'differs', code, where: 'journal', file: 'case.sqlite', ...extra });
  if (!fs.existsSync(file)) {
    bad('journal-gone');
    return { findings, acts: 0, grew: false };
  }
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'tadasu-verify-'));
  let acts = 0;
  let grew = false;
  try {
    for (const end of ['', '-wal']) if (fs.existsSync(file + end)) fs.copyFileSync(file + end, path.join(dir, `case.sqlite${end}`));
    const store = new CaseStore(path.join(dir, 'case.sqlite'));
    try {
      const all = store.acts();
      acts = all.length;
      const broken = store.verifyJournal();
      if (broken) bad(`journal-${broken.reason}`, { seq: broken.seq });
      if (sealed) {
        const act = all.find(a => a.seq === sealed.seq);
        if (act?.hash !== sealed.hash) bad('journal-sealed-act', { seq: sealed.seq });
        grew = acts > sealed.seq;
      }
      const receipts = new Set(all.filter(a => a.kind === 'evidence.received').map(a => `${String(a.body['path'])} ${String(a.body['sha256'])}`));
      for (const f of manifest?.files ?? []) {
        if (!receipts.has(`${f.path} ${f.sha256}`)) findings.push({ level: 'differs', code: 'no-receipt', where: 'journal', file: f.path });
      }
    } finally {
      store.close();
    }
  } catch {
    bad('journal-unreadable');
  } finally {
    fs.rmSync(dir, { recursive: true, force: true });
  }
  return { findings, acts, grew };
}
