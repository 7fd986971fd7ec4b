/** The order in which declarations run: as they were written, as far as what hangs on what allows. */

/** `index` comes after `on`, because of this kind of requisite. */
export interface Edge {
  readonly on: number;
  readonly kind: string;
}

export interface Ordered {
  readonly order: readonly number[];
  /** Each a closed path: the first comes after the second, and so on, and the last after the first. */
  readonly cycles: readonly (readonly Step[])[];
}
export interface Step {
  readonly index: number;
  readonly kind: string;
}

const CYCLES_MAX = 20;

/**
 * Goes through `wanted` in its order and takes whatever a thing hangs on right before it. With no edge against it
 * the order stays as it is. No recursion: a chain may be as long as a catalog.
 */
export function ordered(wanted: readonly number[], edgesOf: (index: number) => readonly Edge[]): Ordered {
  const order: number[] = [];
  const cycles: Step[][] = [];
  const done = new Uint8Array(wanted.length);
  // Where on the path an index is, while it is.
  const at = new Map<number, number>();
  const path: { readonly index: number; readonly edges: readonly Edge[]; next: number }[] = [];
  const enter = (index: number): void => {
    at.set(index, path.length);
    path.push({ index, edges: edgesOf(index), next: 0 });
  };
  for (const start of wanted) {
    if (done[start]) continue;
    enter(start);
    for (let top = path.at(-1); top; top = path.at(-1)) {
      const edge = top.edges[top.next++];
      if (!edge) {
        path.pop();
        at.delete(top.index);
        done[top.index] = 1;
        order.push(top.index);
      } else if (at.has(edge.on)) {
        const circle = path.slice(at.get(edge.on));
        if (cycles.length < CYCLES_MAX)
          cycles.push(circle.map(({ index, edges, next }) => ({ index, kind: edges[next - 1]!.kind })));
      } else if (!done[edge.on]) enter(edge.on);
    }
  }
  return { order, cycles };
}

/** Where `order` puts a declaration: first, numbers from 0, all the rest, negative numbers, last. */
export function rankOf(order: "first" | "last" | number | undefined): readonly [number, number] {
  if (order === "first") return [0, 0];
  if (order === "last") return [4, 0];
  if (order === undefined) return [2, 0];
  return [order >= 0 ? 1 : 3, order];
}
