/** The first word of a statement after blanks, comments and brackets, in capitals: `SELECT`, `WITH`, `COPY` … ; null for none. */
export function statementKind(text: string): string | null {
  let i = 0;
  for (;;) {
    while (i < text.length && (text.charCodeAt(i) <= 32 || text[i] === '(' || text[i] === ';')) i++;
    if (text.startsWith('--', i)) {
      const end = text.indexOf('\n', i);
      if (end < 0) return null;
      i = end + 1;
    } else if (text.startsWith('/*', i)) {
      const end = text.indexOf('*/', i + 2);
      if (end < 0) return null;
      i = end + 2;
    } else break;
  }
  let end = i;
  while (end < text.length && end - i < 24 && isLetter(text.charCodeAt(end))) end++;
  return end > i ? text.slice(i, end).toUpperCase() : null;
}

const isLetter = (c: number): boolean => (c >= 65 && c <= 90) || (c >= 97 && c <= 122);
