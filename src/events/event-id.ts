/** Ids of one file; of one line. */
const ofFile = 2 ** 40;
const ofLine = 16;

/** The file and the first line that an event's id stands for. */
export function placeOfEvent(id: number): { readonly fileNo: number; readonly line: number } {
  return { fileNo: Math.floor(id / ofFile), line: Math.floor((id % ofFile) / ofLine) };
}
