/** An event's id is `file_no * idsOfFile + line_no * idsOfLine + nth`. */
export const idsOfFile = 2 ** 40;
export const idsOfLine = 16;

/** The file and the first line that an event's id stands for. */
export function placeOfEvent(id: number): { readonly fileNo: number; readonly line: number } {
  return { fileNo: Math.floor(id / idsOfFile), line: Math.floor((id % idsOfFile) / idsOfLine) };
}
