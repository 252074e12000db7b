import fs from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from '@photostructure/sqlite';
import { canonicalJson, isoUtc, type Micros, sha256Hex } from '../base/index.ts';

/** What a person or the tool did to the case, as it is written down: never changed, never deleted, each chained to the one before. */
export type Act = {
  readonly seq: number;
  readonly kind: string;
  readonly by: string;
  readonly at: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly previous: string;
  readonly hash: string;
};

const genesis = '0'.repeat(64);

/**
 * The case store: an append-only journal in SQLite. `hash = SHA-256(previous hash ‖ canonical JSON of {seq, kind, by, at, body})`.
 * Triggers refuse UPDATE and DELETE; `verifyJournal` finds what was changed from outside.
 */
export class CaseStore {
  private readonly db: InstanceType<typeof DatabaseSync>;

  constructor(file: string) {
    fs.mkdirSync(path.dirname(file), { recursive: true });
    this.db = new DatabaseSync(file);
    // A rollback journal, not a write-ahead log: after each act everything is in the one file, and opening it changes no byte, so it can be sealed.
    this.db.exec(`
      pragma journal_mode = delete; pragma synchronous = full; pragma foreign_keys = on; pragma trusted_schema = off; pragma busy_timeout = 5000;
      create table if not exists act (seq integer primary key, kind text not null, by text not null, at text not null, body text not null,
        previous text not null, hash text not null unique);
      create trigger if not exists act_no_update before update on act begin select raise(abort, 'acts are never changed'); end;
      create trigger if not exists act_no_delete before delete on act begin select raise(abort, 'acts are never deleted'); end;`);
  }

  /** Write one act at the end of the chain. */
  append(kind: string, by: string, at: Micros, body: Readonly<Record<string, unknown>>): Act {
    this.db.exec('begin immediate');
    try {
      const last = this.db.prepare('select seq, hash from act order by seq desc limit 1').get() as { seq: number; hash: string } | undefined;
      const content = { seq: (last?.seq ?? 0) + 1, kind, by, at: isoUtc(at), body };
      const previous = last?.hash ?? genesis;
      const hash = sha256Hex(previous + canonicalJson(content));
      this.db
        .prepare('insert into act (seq, kind, by, at, body, previous, hash) values (?, ?, ?, ?, ?, ?, ?)')
        .run(content.seq, kind, by, content.at, canonicalJson(body), previous, hash);
      this.db.exec('commit');
      return { ...content, previous, hash };
    } catch (error) {
      this.db.exec('rollback');
      throw error;
    }
  }

  /** All acts in order, or those of one kind. */
  acts(kind?: string): Act[] {
    const rows = (
      kind === undefined ? this.db.prepare('select * from act order by seq').all() : this.db.prepare('select * from act where kind = ? order by seq').all(kind)
    ) as (Omit<Act, 'body'> & { body: string })[];
    return rows.map(r => ({ ...r, body: JSON.parse(r.body) }));
  }

  /** The first act whose hash or link does not hold, or null. */
  verifyJournal(): { seq: number; reason: 'sequence' | 'link' | 'hash' } | null {
    let previous = genesis;
    let expected = 1;
    for (const a of this.acts()) {
      if (a.seq !== expected) return { seq: expected, reason: 'sequence' };
      if (a.previous !== previous) return { seq: a.seq, reason: 'link' };
      if (sha256Hex(previous + canonicalJson({ seq: a.seq, kind: a.kind, by: a.by, at: a.at, body: a.body })) !== a.hash) {
        return { seq: a.seq, reason: 'hash' };
      }
      previous = a.hash;
      expected++;
    }
    return null;
  }

  close(): void {
    this.db.close();
  }
}
