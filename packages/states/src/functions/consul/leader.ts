import { z } from "zod";

import { defineFunction } from "../../define-function.ts";
import { leaderOf } from "../../states/consul/cluster.ts";
import { ownAccess } from "../../states/consul/own-token.ts";
import { access } from "../../states/consul/parameters.ts";

export default defineFunction({
  name: "consul.leader",
  summary: "The address of the server that leads the cluster, as the agent of this node knows it.",
  params: z.strictObject({ api: access.api }),
  /** Empty while there is none. */
  result: z.strictObject({ leader: z.string() }),
  effect: "read",
  onRestart: "resume",
  timeoutMs: 30_000,
  examples: ["boma-master run 'role:consul' consul.leader"],
  run: async ({ api }, { host: { http, files } }) => ({
    leader: await leaderOf(http, await ownAccess(files, api)),
  }),
  outcome: ({ leader }) => (leader === "" ? "failed" : "ok"),
});
