/** Sets of numbers as ranges: ports, and addresses as the numbers that they are. */

export type Span = readonly [first: bigint, last: bigint];

/** Sorted, and what overlaps or touches is one: the same set is always written the same way, as nft does it. */
export function union(spans: readonly Span[]): readonly Span[] {
  const merged: [bigint, bigint][] = [];
  for (const [first, last] of spans.toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))) {
    const open = merged.at(-1);
    if (!open || first > open[1] + 1n) merged.push([first, last]);
    else if (last > open[1]) open[1] = last;
  }
  return merged;
}

export const intersection = (left: readonly Span[], right: readonly Span[]): readonly Span[] =>
  union(
    left.flatMap(([a, b]) =>
      right.flatMap(([c, d]): Span[] => {
        const [first, last] = [a > c ? a : c, b < d ? b : d];
        return first > last ? [] : [[first, last]];
      }),
    ),
  );

export const holds = (spans: readonly Span[], value: bigint): boolean =>
  spans.some(([first, last]) => first <= value && value <= last);

/** A number for each stretch of the range on which no border of these sets lies: what holds for them holds for all. */
export function samples([first, last]: Span, sets: readonly (readonly Span[])[]): readonly bigint[] {
  const borders = sets.flat().flatMap(([from, to]) => [from, to + 1n]);
  return [...new Set([first, ...borders.filter((border) => first < border && border <= last)])];
}

/** A port or a range of them, as it is declared. */
export function portSpan(port: number | string): Span {
  const [first, last = first] = String(port).split("-").map(BigInt) as [bigint, bigint?];
  return [first, last];
}
