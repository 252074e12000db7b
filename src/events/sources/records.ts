import type { SourceEntry } from '../source.ts';
import { apacheErrorEntry } from './apache-error.ts';
import { cloudtrailEntry } from './cloudtrail.ts';
import { evtxEntry } from './evtx.ts';
import { jsonArrayEntry, jsonlEntry } from './jsonl.ts';
import { mariadbAuditEntry } from './mariadb-audit.ts';
import { modsecurityJsonEntry } from './modsecurity-json.ts';
import { modsecuritySerialEntry } from './modsecurity-serial.ts';
import { mysqlAuditJsonEntry } from './mysql-audit-json.ts';
import { mysqlGeneralEntry, mysqlSlowEntry } from './mysql-general.ts';
import { pgCsvlogEntry } from './pg-csvlog.ts';
import { pgJsonlogEntry } from './pg-jsonlog.ts';
import { pgStderrEntry } from './pg-stderr.ts';
import { sshdEntry } from './sshd.ts';
import { syslogEntry } from './syslog.ts';

/** Every source that is not a web access log. */
export const recordSources: readonly SourceEntry[] = [
  pgCsvlogEntry,
  pgJsonlogEntry,
  pgStderrEntry,
  mysqlGeneralEntry,
  mysqlSlowEntry,
  mysqlAuditJsonEntry,
  mariadbAuditEntry,
  sshdEntry,
  syslogEntry,
  modsecuritySerialEntry,
  modsecurityJsonEntry,
  apacheErrorEntry,
  cloudtrailEntry,
  evtxEntry,
  jsonlEntry,
  jsonArrayEntry,
];
