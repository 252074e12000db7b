/** A request or statement as an interval of its start, in the order it is taken to have come. */
export type Timed = { readonly loUs: number; readonly hiUs: number };

/**
 * Which request ran which statement, when both lists are in order and a request runs at most one of these statements: the greedy matching from the front and the one
 * from the back. Where both agree, no other matching of that many pairs exists. By statement: index of its request, -1 where none or where it is open.
 */
export function alignOrders(requests: readonly Timed[], statements: readonly Timed[]): Int32Array {
  const front = greedy(requests, statements, false);
  const back = greedy(requests, statements, true);
  const out = new Int32Array(statements.length).fill(-1);
  for (let j = 0; j < out.length; j++) if (front[j] === back[j]) out[j] = front[j]!;
  return out;
}

function greedy(requests: readonly Timed[], statements: readonly Timed[], fromBack: boolean): Int32Array {
  const out = new Int32Array(statements.length).fill(-1);
  const step = fromBack ? -1 : 1;
  let i = fromBack ? requests.length - 1 : 0;
  let j = fromBack ? statements.length - 1 : 0;
  while (i >= 0 && i < requests.length && j >= 0 && j < statements.length) {
    const r = requests[i]!;
    const s = statements[j]!;
    if (r.loUs <= s.hiUs && s.loUs <= r.hiUs) {
      out[j] = i;
      i += step;
      j += step;
    } else if (fromBack ? r.loUs > s.hiUs : r.hiUs < s.loUs) i += step;
    else j += step;
  }
  return out;
}
