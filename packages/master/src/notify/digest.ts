/** What came faster than it may be told, gathered until it may. */
import type { SequencedEvent } from "@boma/protocol";
import { z } from "zod";

import { type Level, levelOf, titleOf } from "./notice.ts";

const LINES_MAX = 10;
const KINDS_MAX = 50;

export const Digest = z.strictObject({
  /** Of its first event; its id comes from it. */
  uid: z.string(),
  from: z.int(),
  to: z.int(),
  count: z.int(),
  level: z.enum(["info", "warning", "alert"]),
  kinds: z.record(z.string(), z.int()),
  lines: z.array(z.string()).max(LINES_MAX),
});
export type Digest = z.output<typeof Digest>;

const LEVELS: readonly Level[] = ["info", "warning", "alert"];

export function addToDigest(digest: Digest | undefined, event: SequencedEvent): Digest {
  const { uid, sequence, kind } = event;
  const begun = digest ?? { uid, from: sequence, to: 0, count: 0, level: "info", kinds: {}, lines: [] };
  const name = kind in begun.kinds || Object.keys(begun.kinds).length < KINDS_MAX ? kind : "others";
  const level = levelOf(event);
  return {
    ...begun,
    to: sequence,
    count: begun.count + 1,
    level: LEVELS.indexOf(level) > LEVELS.indexOf(begun.level) ? level : begun.level,
    kinds: { ...begun.kinds, [name]: (begun.kinds[name] ?? 0) + 1 },
    lines: begun.lines.length < LINES_MAX ? [...begun.lines, titleOf(event)] : begun.lines,
  };
}
