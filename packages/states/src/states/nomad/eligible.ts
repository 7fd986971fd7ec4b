import { z } from "zod";

import { diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import { markOf } from "./drain-mark.ts";
import { undrain } from "./drain.ts";
import { type Node, nodeOf } from "./node.ts";
import { access, NodeName } from "./parameters.ts";

const OVER = { untilMs: 0, reason: "" };
const MEANT = "takes jobs, or is meant not to";

export default defineState({
  name: "nomad.eligible",
  summary: "A client takes jobs, unless it was drained for a time that is not over, or by somebody else.",
  stage: "nomad",
  key: "node",
  params: z.strictObject({
    node: NodeName.describe("What this machine is called in the cluster."),
    others: z
      .enum(["leave", "restore"])
      .default("leave")
      .describe("What becomes of a node that somebody took out of service without boma."),
    ...access,
  }),
  secretive: ["token"],
  claims: () => ["nomad:eligible"],
  after: () => ["nomad:agent"],

  async check(want, host) {
    const mark = await markOf(host.files);
    if (mark) return diff({ node: mark.untilMs > Date.now() ? MEANT : "its drain is over" }, { node: MEANT });
    // Nobody is asked what makes no difference: a client that was just made is not known to its servers yet.
    const isRestored = want.others === "leave" || isEligible(await nodeOf(host.http, want));
    return diff({ node: isRestored ? MEANT : "drained by somebody else" }, { node: MEANT });
  },

  async apply(_, want, host) {
    await undrain(host, want);
  },

  examples: [
    {
      title: "after a maintenance that nobody ended",
      key: "web-1",
      given: {
        files: { "/var/lib/boma/nomad/drained.json": JSON.stringify({ ...OVER, reason: "new kernel" }) },
        http: {
          "GET http://127.0.0.1:4646/v1/agent/self": {
            body: { config: {}, stats: { client: { node_id: "1c680cb0" } } },
          },
          "GET http://127.0.0.1:4646/v1/node/1c680cb0": {
            body: { ID: "1c680cb0", Drain: false, SchedulingEligibility: "ineligible" },
          },
          "PUT http://127.0.0.1:4646/v1/node/1c680cb0/drain": {
            makes: {
              "GET http://127.0.0.1:4646/v1/node/1c680cb0": {
                body: { ID: "1c680cb0", Drain: false, SchedulingEligibility: "eligible" },
              },
            },
          },
        },
      },
    },
  ],
});

const isEligible = ({ Drain: isDrained, SchedulingEligibility: word }: Node): boolean =>
  !isDrained && word === "eligible";
