const member = String.raw`[\p{L}\p{N}_.@-]+`;
const list = new RegExp(String.raw`^[\s[(]*(${member}(?:\s*[,;|]\s*${member})+)`, 'u');

/** The members of a value that is a list (`1,2,3`, `[A1, A2]`, `x|y`), or of the list an injection was hung on to; none where it is no list. */
export function membersOf(value: string): string[] {
  return (list.exec(value)?.[1] ?? '').split(/\s*[,;|]\s*/).filter(m => m !== '');
}
