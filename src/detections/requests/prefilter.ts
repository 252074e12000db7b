import { type Engine, type Sql, sql } from '../../engine/index.ts';
import { oneOf } from './request.ts';

/**
 * RE2 patterns that every request with a signature must match, tried in DuckDB on lower-cased decoded text, so that only
 * a small share of the log is scored. Wide on purpose: a miss here is a miss for good.
 */
export const targetPrefilter =
  String.raw`['"<>();|` +
  '`' +
  String.raw`$\\{}\[\]*#\x00\r\n!]|\.\.|--|&&|/\./|0x2e|://|=//|%00|` +
  String.raw`&[ +]|/bin/|[ +)](?:and|or|xor|like|rlike|where|having|limit|union|select|order|group|procedure|div)(?:[ +]|$)|` +
  String.raw`\b(?:union|select|sleep|waitfor|benchmark|passwd|etc/|boot\.ini|win\.ini|web-inf|meta-inf|javascript|vbscript|expression|cmd\.exe|powershell|xp_|information_schema|rlike|` +
  String.raw`wp-config|invokefunction|classloader|allow_url_include|auto_prepend_file|phpinfo|__proto__|__class__|metadata\.google)|global\.asa|` +
  String.raw`[=/]ro0ab|=[a-z0-9+/_-]{16,}={0,2}(?:&|$)|=eyj|&lt|&#|\.ht(?:access|passwd)|/\.git/|web\.config|\$ifs|%%?\w+[ +]+in[ +]|\bif[ +](?:not[ +])?(?:exist|defined)|=(?:cat|id|ls|dir|uname|whoami|ping)\b|/sys/|invoke-|-(?:expression|webrequest|object|process|item)|\bon[a-z]{5,}=|__js|constructor\.|module\.exports|process\.env|\.ssh/|` +
  String.raw`[/=]\.(?:[a-vx-z0-9]|w[a-df-z])|\.sql\b|/@fs/|(?:debug|errors?)\.log|/proc/|\bif[ +]+(?:/i|not|exist|defined|errorlevel|cmdext|\S+[ +]+(?:equ|neq|lss|leq|gtr|geq)\b|\S*==)|\balias[ +]|\?\?|` +
  String.raw`\b(?:time|nohup|strace|ltrace|perf|nice|timeout|setsid|sudo|busybox|xargs|env)[ +]+(?:-\S+[ +]+|\w+=\S*[ +]+)*(?:[a-z]*sh|curl|wget|whoami|[in][cfp]|ncat|netcat|nmap|python|perl|php|ruby|ping|uname|chmod|printenv|bsdtar|cat|ls|ifconfig|ipconfig)|sh[ +]-c[ +]|` +
  String.raw`memory_limit|extension_dir|error_log|sendmail_path|:/?(?:[0-9]|0x)|localhost|loopback|\.internal|kubernetes\.default|localtest\.me|lvh\.me|\bon[a-z]{3,}[ +]*=|adw-|=[0-9]+=[0-9]|::|\bcase[ +]when`;

/** The same for shapes, in which every digit is 0: what it says of classes of characters holds of a shape when it holds of its target. */
export const shapePrefilter = targetPrefilter.replace('0x2e', '0x0e');

/** For agents, referers and other headers, which are full of brackets in harmless traffic. */
export const headerPrefilter =
  String.raw`\$\{|\(\)\s*\{|<\s*/?\s*[a-z!?]|%3c|['"` +
  '`' +
  String.raw`]\s*(?:or|and|union|\|\||;|--|\)|xor|having|order)|union.{1,20}select|sleep\s*\(|sleep%28|waitfor|benchmark\(|` +
  String.raw`\bselect\b.{1,80}\bfrom\b|%27|<\?|\{\{|\bjndi:|/bin/|cmd\.exe|\$\(|;\s*(?:wget|curl|cat|id|ls)\b|o:\d+:"|ro0ab|javascript:|'\s*$|/etc/(?:passwd|shadow|sudoers)|/proc/self/|` +
  String.raw`^\s*;\s*(?:chmod|env|set|cp|mv|nc|sh|bash|python|perl)\b|!entity\s|url\(\s*(?:java|vb)script|&#[0-9]+;|\bon(?:load|error|focus|click)=|^\s*(?:delete from|drop table)\s|\)::int|` +
  '`' +
  String.raw`\s*[/a-z]`;

/** Whether a target may hold a signature. */
export const suspectTargets: Sql = sql`regexp_matches(lower(coalesce(target_norm, target)), ${sql.lit(targetPrefilter)})`;

/** Whether anything else of a request may hold one: logged bodies and cookies, headers. One test for each column. */
export async function suspectValues(engine: Engine): Promise<Sql[]> {
  const holds = (value: Sql): Sql => sql`regexp_matches(lower(${value}), ${sql.lit(headerPrefilter)})`;
  const decoded = (value: Sql): Sql => sql`try(url_decode(${value}))`;
  // Nobody writes percent signs into a header for a reason: what they stand for is looked at, once and twice decoded; so is one long word of base64.
  const header = (value: Sql): Sql =>
    sql`(${holds(value)} or (contains(${value}, '%') and coalesce(${holds(decoded(value))} or ${holds(decoded(decoded(value)))}, false)) or regexp_full_match(${value}, '[A-Za-z0-9+/_-]{16,}={0,2}'))`;
  return [
    sql`(extra is not null and ((contains(extra, 'body"') and json_valid(extra) and json_exists(extra, '$.body'))
      or (contains(extra, 'request_body"') and json_valid(extra) and json_exists(extra, '$.request_body')) or (contains(extra, '"cookie"') and ${header(sql`extra`)})))`,
    sql`(forwarded is not null and ${header(sql`forwarded`)})`,
    await oneOf(engine, 'user_agent', header),
    await oneOf(engine, 'referer', header),
  ];
}
