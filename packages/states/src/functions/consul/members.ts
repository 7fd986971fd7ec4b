import { z } from "zod";

import { defineFunction } from "../../define-function.ts";
import { Member, membersOf } from "../../states/consul/cluster.ts";
import { ownAccess } from "../../states/consul/own-token.ts";
import { access } from "../../states/consul/parameters.ts";

export default defineFunction({
  name: "consul.members",
  summary: "The members of the cluster, as the agent of this node sees them.",
  params: z.strictObject({ api: access.api }),
  result: z.array(Member),
  effect: "read",
  onRestart: "resume",
  timeoutMs: 30_000,
  examples: ["boma-master run consul-1 consul.members"],
  run: async ({ api }, { host: { http, files } }) => [
    ...(await membersOf(http, await ownAccess(files, api))),
  ],
});
