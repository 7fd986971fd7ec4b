import { isJobId, jobIdTime } from "@boma/protocol";
import { expect, test } from "vitest";

import { expectedJob } from "./expected-job.ts";

const store = { key: new Uint8Array(32).fill(1) };
const AT = Date.UTC(2026, 0, 1);

test("the same words at the same time lead to the same job, and others to another one", () => {
  const job = expectedJob(store, AT, ["boma/reaction", "heal", "e1"]);
  expect(isJobId(job)).toBe(true);
  expect(jobIdTime(job)).toBe(AT);
  expect(expectedJob(store, AT, ["boma/reaction", "heal", "e1"])).toBe(job);
  expect(expectedJob(store, AT, ["boma/reaction", "heal", "e2"])).not.toBe(job);
});

test("who knows the words and not the masters' key does not know the job", () => {
  const words = ["boma/reaction", "heal", "e1"];
  expect(expectedJob({ key: new Uint8Array(32) }, AT, words)).not.toBe(expectedJob(store, AT, words));
});
