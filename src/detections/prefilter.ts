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
  String.raw`[=/]ro0ab|=[a-z0-9+/_-]{16,}={0,2}(?:&|$)|=eyj|&lt|&#|\.ht(?:access|passwd)|/\.git/|web\.config|\$ifs|%%?\w+[ +]+in[ +]|\bif[ +](?:not[ +])?(?:exist|defined)|=(?:cat|id|ls|dir|uname|whoami|ping)\b|/sys/|invoke-|-(?:expression|webrequest|object|process|item)|\bon[a-z]{5,}=|__js|constructor\.|module\.exports|process\.env|\.ssh/`;

/** For agents, referers and other headers, which are full of brackets in harmless traffic. */
export const headerPrefilter =
  String.raw`\$\{|\(\)\s*\{|<\s*/?\s*[a-z!?]|%3c|['"` +
  '`' +
  String.raw`]\s*(?:or|and|union|\|\||;|--|\)|xor|having|order)|union.{1,20}select|sleep\s*\(|sleep%28|waitfor|benchmark\(|` +
  String.raw`\bselect\b.{1,80}\bfrom\b|%27|<\?|\{\{|\bjndi:|/bin/|cmd\.exe|\$\(|;\s*(?:wget|curl|cat|id|ls)\b|o:\d+:"|ro0ab|javascript:|'\s*$`;
