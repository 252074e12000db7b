/** Texts from which on the engine keeps a piece as a view of the whole it was cut from. */
const viewed = 13;

/** A copy that does not keep the long text alive of which it is a piece. */
const flat = (text: string): string => (text.length < viewed ? text : Buffer.from(text, 'utf16le').toString('utf16le'));

/** `read`, asked once for each text as long as there are not too many of them. */
export function memoised<T>(read: (text: string) => T, most = 60_000): (text: string) => T {
  const held = new Map<string, T>();
  return text => {
    const known = held.get(text);
    if (known !== undefined) return known;
    if (held.size >= most) held.clear();
    const own = flat(text);
    const value = read(own);
    held.set(own, value);
    return value;
  };
}
