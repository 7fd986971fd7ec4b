import { expect, test } from "vitest";

import agentDrift from "../states/agent/drift.ts";
import { DriftSettings } from "./drift.ts";

const read = (every: string) => agentDrift.spec.params.safeParse({ name: "node", every });

test.each(["10s", "30m", "7d"])("a node may look every %s", (every) => {
  expect(read(every).success).toBe(true);
});

// A timer of 25 days goes off at once: such a node would look without end.
test.each(["30d", "9999999999999999999999d", "soon", "-1h", "5s"])(
  "a node that is to look every %s is told what can be written there",
  (every) => {
    expect(read(every).error?.issues.map(({ path, message }) => `${path.join()}: ${message}`)).toEqual([
      expect.stringMatching(/^every: (a duration up to `7d`|at least 10s)/),
    ]);
  },
);

test("what an agent of another release kept is read by the same bounds", () => {
  expect(DriftSettings.safeParse({ name: "node", splay: "60d" }).success).toBe(false);
});
