import type { SqlDialect } from '../../detections/sql/index.ts';

/** Comments that only stand for a space are one. */
export const blankComments = (text: string): string => (text.includes('/*') ? text.replace(/\/\*(?!M?!)[^*]*(?:\*(?!\/)[^*]*)*\*\//g, ' ') : text);

/** The dialect that a payload speaks, by functions and forms only one of them has. */
export function guessDialect(written: string): SqlDialect {
  const text = blankComments(written);
  if (
    /::\s*(?:text|int|numeric|varchar|name)|pg_sleep|pg_catalog|\bpg_\w+|string_agg\s*\(|current_schema\(\)|generate_series|query_to_xml|\bILIKE\b|CONVERT_TO\s*\(/i.test(
      text,
    )
  )
    return 'postgresql';
  if (
    /\bROWNUM\b|\bFROM\s+DUAL\b|dbms_\w+|utl_\w+|\bNVL\s*\(|SUBSTRC\s*\(|\bCAP\s*=\s*\d|v\$version|ctxsys|all_tables|\bBITAND\s*\(|to_nchar|sys\.\w+\.nextval/i.test(
      text,
    )
  )
    return 'oracle';
  if (
    /waitfor\s+delay|\bTOP\s+\d|\bTOP\s*\(|\bUNICODE\s*\(\s*SUBSTRING|\bNVARCHAR\b|sysobjects|syscolumns|master\.\.|xp_\w+|sp_\w+|@@version|\bLEN\s*\(|\bIIF\s*\(.*\bLEN|\bFOR\s+(?:XML|JSON)\b|CONVERT\s*\(\s*(?:INT|NVARCHAR|VARCHAR)\b/i.test(
      text,
    )
  )
    return 'mssql';
  if (/sqlite_\w+|randomblob|zeroblob|\bUNICODE\s*\(|\bGLOB\b|group_concat\s*\(.*\bsqlite|hex\s*\(\s*randomblob|load_extension/i.test(text)) return 'sqlite';
  if (/\bSUBSTR\s*\(/i.test(text) && /[<>=]\s*CHAR\s*\(\d|\bAS\s+TEXT\s*\)\s*,\s*CHAR\s*\(/i.test(text)) return 'sqlite';
  if (
    /\bMID\s*\(|\bORD\s*\(|\bIFNULL\s*\(|\bsleep\s*\(|benchmark\s*\(|extractvalue|updatexml|concat_ws|group_concat|json_arrayagg|gtid_subset|\belt\s*\(|\bNCHAR\b|\bRLIKE\b|\bREGEXP\b|LIMIT\s+\d+\s*,\s*\d+|\/\*!|\bSTRCMP\s*\(|\bDATABASE\s*\(\)|`|@@\w+|\bIF\s*\(|find_in_set|\bBINARY\s|\bCONV\s*\(|#\s*$/i.test(
      text,
    )
  )
    return 'mysql';
  if (/\bCHR\s*\(|\bSUBSTRING\s*\(.*\bFROM\b/i.test(text)) return 'postgresql';
  return 'any';
}
