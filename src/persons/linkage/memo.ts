/** Texts from which on the engine keeps a piece as a view of the whole it was cut from. */
const viewed = 13;

/** A copy that does not keep the long text alive of which it is a piece. */
const flat = (text: string): string => (text.length < viewed ? text : Buffer.from(text, 'utf16le').toString('utf16le'));

/**
 * `read`, not asked again for a text that was met not long ago: each text has one place among `places` (a power of two), which the next text of
 * that place takes. A map would spend more on growing, clearing and being collected than it saves.
 */
export function memoised<T>(read: (text: string) => T, places = 1 << 16): (text: string) => T {
  const texts: (string | undefined)[] = new Array<string | undefined>(places).fill(undefined);
  const values: (T | undefined)[] = new Array<T | undefined>(places).fill(undefined);
  return text => {
    let hash = text.length;
    for (let i = 0; i < text.length; i++) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) | 0;
    const at = (hash ^ (hash >>> 15)) & (places - 1);
    if (texts[at] === text) return values[at] as T;
    const own = flat(text);
    const value = read(own);
    texts[at] = own;
    values[at] = value;
    return value;
  };
}
