/** Seeded random numbers (xoshiro128**, Blackman & Vigna). The same seed and label give the same stream on every machine. */
export type Random = {
  /** 0 ≤ x < 1 */
  float(): number;
  /** lo ≤ n ≤ hi */
  int(lo: number, hi: number): number;
  chance(p: number): boolean;
  pick<T>(list: readonly T[]): T;
  /** Index by weight; weights need not sum to 1. */
  weighted(weights: readonly number[]): number;
  /** Exponentially distributed with the given mean. */
  exponential(mean: number): number;
  /** `length` characters out of `alphabet`. */
  text(length: number, alphabet?: string): string;
  shuffle<T>(list: T[]): T[];
  /** An independent stream: drawing from it never moves this one. */
  fork(label: string | number): Random;
};

const lowerDigits = 'abcdefghijklmnopqrstuvwxyz0123456789';

function hash32(text: string, seed: number): number {
  let h = (seed ^ 0x9e3779b9) >>> 0;
  for (let i = 0; i < text.length; i++) {
    h = Math.imul(h ^ text.charCodeAt(i), 0x85ebca6b);
    h = ((h << 13) | (h >>> 19)) >>> 0;
  }
  h = Math.imul(h ^ (h >>> 16), 0xc2b2ae35);
  return (h ^ (h >>> 13)) >>> 0;
}

/** A stream for a seed and a label. */
export function createRandom(seed: number, label: string | number = ''): Random {
  let a = hash32(`a${label}`, seed);
  let b = hash32(`b${label}`, a ^ seed);
  let c = hash32(`c${label}`, b);
  let d = hash32(`d${label}`, c) | 1;

  function next(): number {
    const m = Math.imul(b, 5);
    const result = Math.imul((m << 7) | (m >>> 25), 9) >>> 0;
    const t = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= t;
    d = (d << 11) | (d >>> 21);
    return result;
  }
  for (let i = 0; i < 8; i++) next();

  const random: Random = {
    float: () => next() / 4294967296,
    int: (lo, hi) => lo + Math.floor((next() / 4294967296) * (hi - lo + 1)),
    chance: p => next() / 4294967296 < p,
    pick: list => list[Math.floor((next() / 4294967296) * list.length)]!,
    weighted(weights) {
      let sum = 0;
      for (const w of weights) sum += w;
      let x = (next() / 4294967296) * sum;
      for (let i = 0; i < weights.length; i++) if ((x -= weights[i]!) < 0) return i;
      return weights.length - 1;
    },
    exponential: mean => -Math.log(1 - next() / 4294967296) * mean,
    text(length, alphabet = lowerDigits) {
      let s = '';
      for (let i = 0; i < length; i++) s += alphabet[Math.floor((next() / 4294967296) * alphabet.length)];
      return s;
    },
    shuffle(list) {
      for (let i = list.length - 1; i > 0; i--) {
        const j = Math.floor((next() / 4294967296) * (i + 1));
        [list[i], list[j]] = [list[j]!, list[i]!];
      }
      return list;
    },
    fork: l => createRandom(seed, `${label}/${l}`),
  };
  return random;
}
