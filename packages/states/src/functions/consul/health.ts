import { z } from "zod";

import { defineFunction } from "../../define-function.ts";
import { serversOf } from "../../states/consul/cluster.ts";
import { ownAccess } from "../../states/consul/own-token.ts";
import { access } from "../../states/consul/parameters.ts";

const Server = z.strictObject({
  name: z.string(),
  address: z.string(),
  leads: z.boolean(),
  healthy: z.boolean(),
  votes: z.boolean(),
});

export default defineFunction({
  name: "consul.health",
  summary: "How the servers of the cluster are, and how many of them may fail.",
  params: z.strictObject({ api: access.api }),
  result: z.strictObject({ healthy: z.boolean(), mayFail: z.int(), servers: z.array(Server) }),
  effect: "read",
  onRestart: "resume",
  timeoutMs: 30_000,
  examples: ["boma-master run consul-1 consul.health"],
  async run({ api }, { host: { http, files } }) {
    const health = await serversOf(http, await ownAccess(files, api));
    const servers = health.Servers.map((server) => ({
      name: server.Name,
      address: server.Address,
      leads: server.Leader,
      healthy: server.Healthy,
      votes: server.Voter,
    }));
    return { healthy: health.Healthy, mayFail: health.FailureTolerance, servers };
  },
  outcome: ({ healthy }) => (healthy ? "ok" : "failed"),
});
