import type { Tamper } from '../options.ts';
import type { Random } from '../random.ts';

const keyword =
  /\b(SELECT|FROM|WHERE|AND|OR|NOT|BETWEEN|COALESCE|CAST|AS|VARCHAR|NVARCHAR|CHR|CHAR|NCHAR|ASCII|SUBSTRING|SUBSTRC|SUBSTR|MID|ORD|UNICODE|ORDER|BY|OFFSET|LIMIT|UNION|ALL|NULL|CASE|WHEN|THEN|ELSE|END|IN|IFNULL|ISNULL|NVL|LENGTH|COUNT|TOP|FOR|LEFT|LIKE)\b/g;

const versioned = /\b(SELECT|FROM|WHERE|UNION|ALL|ORDER|LIMIT)\b/g;

/**
 * Rewrite the SQL of a payload, never what stands in single quotes: `randomcase`, `space2comment`, `newlines`, `versioned` (the other tampers work elsewhere).
 * `quotedFirst`: the payload begins inside the application's own quotes.
 */
export function tamperText(text: string, tamper: Tamper, random: Random, quotedFirst: boolean): string {
  if (tamper !== 'randomcase' && tamper !== 'space2comment' && tamper !== 'newlines' && tamper !== 'versioned') return text;
  return text
    .split("'")
    .map((part, i) => {
      if ((i % 2 === 0) === quotedFirst) return part;
      if (tamper === 'space2comment') return part.replaceAll(' ', '/**/');
      if (tamper === 'newlines') return part.replaceAll(' ', '\n');
      if (tamper === 'versioned') return part.replace(versioned, w => `/*!50000${w}*/`);
      return part.replace(keyword, w => [...w].map(c => (random.chance(0.5) ? c.toLowerCase() : c)).join(''));
    })
    .join("'");
}
