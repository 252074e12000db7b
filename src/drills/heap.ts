/** A binary min-heap by (key, order of arrival): equal keys leave in the order they came. */
export type Heap<T> = { readonly size: number; push(key: number, value: T): void /** Smallest key, or Infinity. */; peekKey(): number; pop(): T };

export function createHeap<T>(): Heap<T> {
  const keys: number[] = [];
  const orders: number[] = [];
  const values: T[] = [];
  let arrivals = 0;
  const before = (i: number, j: number): boolean => keys[i]! < keys[j]! || (keys[i] === keys[j] && orders[i]! < orders[j]!);
  function swap(i: number, j: number): void {
    const k = keys[i]!,
      o = orders[i]!,
      v = values[i]!;
    keys[i] = keys[j]!;
    orders[i] = orders[j]!;
    values[i] = values[j]!;
    keys[j] = k;
    orders[j] = o;
    values[j] = v;
  }
  return {
    get size() {
      return keys.length;
    },
    peekKey: () => (keys.length ? keys[0]! : Infinity),
    push(key, value) {
      let i = keys.push(key) - 1;
      orders.push(arrivals++);
      values.push(value);
      while (i > 0) {
        const parent = (i - 1) >> 1;
        if (!before(i, parent)) break;
        swap(i, parent);
        i = parent;
      }
    },
    pop() {
      const top = values[0]!;
      swap(0, keys.length - 1);
      keys.pop();
      orders.pop();
      values.pop();
      for (let i = 0; ; ) {
        const l = 2 * i + 1;
        const r = l + 1;
        let least = i;
        if (l < keys.length && before(l, least)) least = l;
        if (r < keys.length && before(r, least)) least = r;
        if (least === i) return top;
        swap(i, least);
        i = least;
      }
    },
  };
}
