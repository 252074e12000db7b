/** A value with its shape but without its content: 山田 太郎 → 山* **, 090-1234-5678 → 0**-****-****. */
export function maskValue(value: string): string {
  let first = true;
  return [...value.slice(0, 60)]
    .map(c => {
      if (!/[\p{L}\p{N}]/u.test(c)) return c;
      if (!first) return '*';
      first = false;
      return c;
    })
    .join('');
}
