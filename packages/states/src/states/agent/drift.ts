import { parseDuration } from "@boma/protocol";

import { diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import { DRIFT_DUTY, DriftSettings } from "../../host/drift.ts";

const ID = `${DRIFT_DUTY}(node)`;
const EVERY_MS_MIN = 10_000;

export default defineState({
  name: DRIFT_DUTY,
  summary: "What the agent does by itself when the node is not as its catalog says any more.",
  key: "name",
  params: DriftSettings.refine(({ every }) => parseDuration(every) >= EVERY_MS_MIN, {
    path: ["every"],
    message: "at least 10s",
    // What is no duration was said to be none.
    when: ({ issues }) => issues.length === 0,
  }),
  // It is kept among the agent's own things, which are in its home.
  confinable: true,
  claims: () => [DRIFT_DUTY],

  async check(want, { duties }) {
    const held = await duties.get(ID);
    return diff(held?.kind === DRIFT_DUTY ? held.params : undefined, want);
  },

  async apply(_, want, { duties }) {
    await duties.set(ID, { kind: DRIFT_DUTY, params: want });
  },

  examples: [
    { title: "what holds when nothing is said", key: "node" },
    {
      title: "everything is put right, within minutes",
      key: "node",
      params: { mode: "enforce", every: "5m", splay: "1m" },
      given: {
        duties: {
          "agent.drift(node)": {
            kind: DRIFT_DUTY,
            params: {
              name: "node",
              mode: "observe",
              every: "30m",
              splay: "10m",
              atOnce: true,
              reverts: 3,
              within: "1h",
            },
          },
        },
      },
    },
  ],
});
