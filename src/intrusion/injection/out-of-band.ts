import { type SqlDialect, tokenizeSql } from '../../detections/sql/index.ts';
import { flattenConcat, unwrap } from './bind.ts';
import { isUnknown } from './condition.ts';
import { evaluate } from './evaluate.ts';
import { parseFragment } from './fragment.ts';
import { children, type Expr, type Fragment, some } from './syntax.ts';

/** Functions that fetch an address they are given: by name server, web request or file share. */
const fetchers =
  /(?:^|\.)(?:LOAD_FILE|UTL_HTTP\.REQUEST|REQUEST|HTTPURITYPE|GET_HOST_ADDRESS|GET_HOST_NAME|DBMS_LDAP\.INIT|INIT|DBLINK|DBLINK_CONNECT|XP_DIRTREE|XP_FILEEXIST|XP_SUBDIRS|OPENROWSET|FN_XE_FILE_TARGET_READ_FILE|FN_TRACE_GETTABLE|FN_GET_AUDIT_FILE|LOAD_EXTENSION|BULK)$/;
const commands =
  /\b(?:xp_dirtree|xp_fileexist|xp_subdirs|openrowset|fn_xe_file_target_read_file|fn_trace_gettable|fn_get_audit_file|dblink(?:_connect)?)\b|\bto\s+program\s+'[^']*\b(?:nslookup|curl|wget|ping|dig|host|nc)\b/i;
/** What makes a text an address: a share, a URL, a host parameter, or a name with a top-level domain behind the value. */
const address = /\\\\|https?:\/\/|ftp:\/\/|\bhost(?:addr)?\s*=|\.(?:[a-z0-9-]+\.)+[a-z]{2,}\b|\b(?:nslookup|curl|wget|ping|dig)\b/i;

/**
 * A payload that would make the database send something away (LOAD_FILE of a share, UTL_HTTP, xp_dirtree, COPY … TO PROGRAM): what is carried, and the
 * address with the value as `{…}`. Null when it is none.
 */
export function findSent(fragment: Fragment, dialect: SqlDialect): { readonly carried: Expr; readonly target: string } | null {
  const roots: Expr[] = [
    ...fragment.exprs,
    ...fragment.selects.flatMap(s => [...(s.where ? [s.where] : []), ...s.items.map(i => i.expr)]),
    ...fragment.unions.flatMap(u => [...u.items.map(i => i.expr), ...u.from.flatMap(f => (f.call ? [f.call] : []))]),
    ...fragment.stacked.flatMap(s => [...s.exprs, ...(s.select ? [{ t: 'select', select: s.select } as const] : [])]),
  ];
  for (const root of roots) {
    const found = findFetch(root, dialect);
    if (found) return found;
  }
  const text = fragment.stacked.map(s => s.text).join(';');
  if (!commands.test(text)) return null;
  // the address is built in one statement and used in another
  const built = /\bset\s+@\w+\s*=\s*([\s\S]+?)(?:;|$)/i.exec(text)?.[1];
  if (built !== undefined) {
    const assigned = parseFragment(tokenizeSql(built, { dialect, inside: '' }), built);
    roots.push(...assigned.exprs, ...assigned.selects.map((select): Expr => ({ t: 'select', select })));
  }
  for (const root of roots) {
    const found = findAddress(root, dialect);
    if (found) return found;
  }
  const carried = roots.find(r => some(r, isUnknown)) ?? { t: 'opaque' as const, text: text.trim() };
  const program = /\bto\s+program\s+'([^']*)'/i.exec(text)?.[1] ?? text.trim();
  return { carried, target: program.slice(0, 300) };
}

function findFetch(e: Expr, dialect: SqlDialect): { carried: Expr; target: string } | null {
  if (e.t === 'call' && fetchers.test(e.name)) {
    for (const a of e.args) {
      const found = some(a, isUnknown) ? readAddress(a, dialect) : null;
      if (found) return found;
    }
  }
  for (const c of children(e)) {
    const found = findFetch(c, dialect);
    if (found) return found;
  }
  return null;
}

function findAddress(e: Expr, dialect: SqlDialect): { carried: Expr; target: string } | null {
  const here = some(e, isUnknown) ? readAddress(e, dialect) : null;
  if (here) return here;
  for (const c of children(e)) {
    const found = findAddress(c, dialect);
    if (found) return found;
  }
  return null;
}

/** Constants around exactly what the database puts in; an address only when they look like one. */
function readAddress(e: Expr, dialect: SqlDialect): { carried: Expr; target: string } | null {
  const parts = flattenConcat(unwrap(e).expr);
  const open = parts.filter(p => some(p, isUnknown));
  if (open.length === 0 || parts.length < 2) return null;
  const target = parts
    .map(p => {
      if (open.includes(p)) return '{…}';
      const v = evaluate(p, { dialect, vars: new Map() });
      return v === undefined || v === null ? '' : String(v);
    })
    .join('');
  return address.test(target) ? { carried: open[0]!, target: target.slice(0, 300) } : null;
}
