import {
  DECLARATION_ID_LENGTH_MAX,
  INBOX_BYTES_MAX,
  pack,
  PROGRESS_STEPS_MAX,
  type ProgressStep,
} from "@boma/protocol";
import { expect, test } from "vitest";

import { gatherSteps } from "./steps.ts";

function gathered(steps: readonly ProgressStep[]): ProgressStep[][] {
  const sent: ProgressStep[][] = [];
  const gatherer = gatherSteps((batch) => void sent.push([...batch]));
  for (const step of steps) gatherer.add(step);
  gatherer.end();
  return sent;
}
const step = (index: number, id = `s${index}`, result?: string): ProgressStep => ({
  id,
  index,
  total: 1000,
  ...(result !== undefined && { result, ms: 1 }),
});

test("a thousand steps are a few messages, none with more than it may hold, and none is left out", () => {
  const sent = gathered(Array.from({ length: 1000 }, (_, index) => step(index)));
  expect(sent.flat().map(({ index }) => index)).toEqual([...Array(1000).keys()]);
  expect(Math.max(...sent.map((batch) => batch.length))).toBeLessThanOrEqual(PROGRESS_STEPS_MAX);
});

test("of one that began and ended in the meantime only its end is sent", () => {
  expect(gathered([step(0), step(0, "s0", "ok")])).toEqual([[step(0, "s0", "ok")]]);
});

test("names as long as they may be make more messages, not one that is too large to be sent", () => {
  const long = "日".repeat(DECLARATION_ID_LENGTH_MAX);
  const sent = gathered(Array.from({ length: 300 }, (_, index) => step(index, long)));
  expect(sent.flat()).toHaveLength(300);
  for (const batch of sent) expect(pack(batch).length).toBeLessThan(INBOX_BYTES_MAX - 1024);
});
