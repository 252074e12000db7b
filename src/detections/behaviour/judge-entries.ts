import { groupBy } from '../../base/index.ts';

export const minPeers = 2;
const minShare = 0.9;
const minMet = 0.5;

/** `door`: the number of the path that the sign-in was sent to; `forms`, `landings`: pages asked for before and right after it. */
export type Entry = {
  readonly no: number;
  readonly door: number;
  readonly atUs: number;
  readonly eventId: number;
  readonly forms: ReadonlySet<string>;
  readonly landings: ReadonlySet<string>;
};

/** Sign-ins at a door, and the most of any one client there. */
export type DoorSize = { readonly door: number; readonly n: number; readonly most: number };

/** Whether a page may still come with nearly all sign-ins of all but one client at some door, after what is known of some of them. */
export function mayBeJudged(doors: readonly DoorSize[], some: readonly Entry[]): boolean {
  const known = groupBy(some, e => e.door);
  return doors.some(({ door, n, most }) => {
    const list = known.get(door) ?? [];
    const brought = new Map<string, number>();
    for (const e of list) for (const f of e.forms) brought.set(f, (brought.get(f) ?? 0) + 1);
    const lacking = list.length - Math.max(0, ...brought.values());
    return n - lacking >= minShare * (n - most);
  });
}

export type Judged = { readonly no: number; readonly entries: readonly Entry[]; readonly alone: boolean; readonly peers: number; readonly share: number };

/** What people bring to one door: the pages that are usual before it, the commonest of them, and how many of its `entries` brought that one; those usual right after it. */
type Door = {
  readonly entries: readonly Entry[];
  readonly usual: ReadonlySet<string>;
  readonly top: string | null;
  readonly brought: number;
  readonly landings: ReadonlySet<string>;
};

/** Pages that at least half of the clients have at their first sign-in. */
function usualOf(byClient: ReadonlyMap<number, readonly Entry[]>, pages: (e: Entry) => ReadonlySet<string>): Set<string> {
  const counts = new Map<string, number>();
  for (const own of byClient.values()) for (const f of pages(own[0]!)) counts.set(f, (counts.get(f) ?? 0) + 1);
  return new Set([...counts].filter(([, n]) => n >= 0.5 * byClient.size).map(([f]) => f));
}

function readDoor(entries: readonly Entry[]): Door {
  const byClient = groupBy(entries, e => e.no);
  // Pages that people see before they sign in, and not only afterwards.
  const usual = usualOf(byClient, e => e.forms);
  const counts = [...usual].map(f => ({ f, n: entries.filter(e => e.forms.has(f)).length })).sort((a, b) => b.n - a.n || (a.f < b.f ? -1 : 1));
  return { entries, usual, top: counts[0]?.f ?? null, brought: counts[0]?.n ?? 0, landings: usualOf(byClient, e => e.landings) };
}

const hasAny = (pages: ReadonlySet<string>, usual: ReadonlySet<string>): boolean => [...pages].some(f => usual.has(f));

/** Sign-ins of one client at one door that lack the page nearly all others bring there; or, where that line is lost of some, that page and what nearly all ask for next. */
function judgeDoor(door: Door, own: readonly Entry[]): Omit<Judged, 'no' | 'alone'> | null {
  const { entries, usual, top, brought, landings } = door;
  const cold = own.filter(e => !hasAny(e.forms, usual));
  const peers = entries.length - own.length;
  if (top === null || cold.length === 0 || peers < minPeers) return null;
  const share = (brought - own.filter(e => e.forms.has(top)).length) / peers;
  if (share >= minShare) return { entries: cold, peers, share: Math.round(share * 1000) / 1000 };
  const lost = cold.filter(e => !hasAny(e.landings, landings));
  if (landings.size === 0 || lost.length === 0 || share < minMet) return null;
  const met = entries.filter(e => e.no !== own[0]!.no && (hasAny(e.forms, usual) || hasAny(e.landings, landings))).length / peers;
  return met < minShare ? null : { entries: lost, peers, share: Math.round(met * 1000) / 1000 };
}

/** Clients with sign-ins that lack the page nearly all others bring to the same door: another door may have no such page at all. */
export function judgeEntries(entries: readonly Entry[]): Judged[] {
  const byClient = groupBy(entries, e => e.no);
  const doors = new Map([...groupBy(entries, e => e.door)].map(([door, list]) => [door, readDoor(list)]));
  const out: Judged[] = [];
  for (const [no, own] of byClient) {
    const found = [...groupBy(own, e => e.door)].flatMap(([door, mine]) => judgeDoor(doors.get(door)!, mine) ?? []).sort((a, b) => b.peers - a.peers);
    const cold = found.flatMap(f => f.entries);
    if (cold.length === 0) continue;
    const alone = cold.length === own.length;
    // Beside people who bring their page, one without it may be a cached page or a lost line.
    if (!alone && cold.length > Math.max(1, 0.1 * own.length)) continue;
    out.push({ no, entries: cold, alone, peers: found[0]!.peers, share: found[0]!.share });
  }
  // Where it happens often it is how this site is used.
  return out.length <= Math.max(3, 0.02 * byClient.size) ? out : [];
}
