/** `10/m`: how often something may happen. */
import { BomaError } from "@boma/protocol";

const PER_MS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

export interface Limit {
  readonly count: number;
  readonly perMs: number;
}

export function parseLimit(text: string): Limit {
  const [, count, per] = /^([1-9]\d{0,5})\/(s|m|h|d)$/.exec(text) ?? [];
  if (count !== undefined) return { count: Number(count), perMs: PER_MS[per as keyof typeof PER_MS] };
  throw new BomaError("site/reactor", `${JSON.stringify(text.slice(0, 80))} is not a limit`, {
    hint: "Write how many events it may handle in which time: 10/s, 60/m, 100/h or 5/d.",
  });
}
