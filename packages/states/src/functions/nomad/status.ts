import { z } from "zod";

import { defineFunction } from "../../define-function.ts";
import { ownAccess } from "../../states/nomad/api.ts";
import { leaderOf } from "../../states/nomad/cluster.ts";
import { markOf } from "../../states/nomad/drain-mark.ts";
import { allocsOn, nodeIdOf, nodeOf, selfOf } from "../../states/nomad/node.ts";
import { ownApi } from "../../states/nomad/parameters.ts";

const Client = z.strictObject({
  id: z.string(),
  status: z.string(),
  takesJobs: z.boolean(),
  draining: z.boolean(),
  drivers: z.array(z.string()),
  allocations: z.array(z.strictObject({ id: z.string(), job: z.string(), status: z.string() })),
});

export default defineFunction({
  name: "nomad.status",
  summary:
    "The leader that this node knows, and what its client does: whether it takes jobs, and what runs here.",
  params: z.strictObject({ api: ownApi }),
  result: z.strictObject({
    leader: z.string(),
    client: Client.optional(),
    drained: z.strictObject({ reason: z.string(), until: z.string() }).optional(),
  }),
  effect: "read",
  onRestart: "resume",
  timeoutMs: 30_000,
  examples: ["boma-master run web-1 nomad.status"],
  async run({ api }, { host: { http, files } }) {
    const at = await ownAccess(files, api);
    const mark = await markOf(files);
    const id = nodeIdOf(await selfOf(http, at));
    return {
      leader: await leaderOf(http, at),
      ...(id !== undefined && { client: await clientOf(http, at, id) }),
      ...(mark && { drained: { reason: mark.reason, until: new Date(mark.untilMs).toISOString() } }),
    };
  },
});

async function clientOf(
  http: Parameters<typeof nodeOf>[0],
  at: Parameters<typeof nodeOf>[1],
  id: string,
): Promise<z.input<typeof Client>> {
  const node = await nodeOf(http, at);
  const drivers = Object.entries(node.Drivers ?? {}).filter(([, { Healthy: isWell }]) => isWell);
  return {
    id,
    status: node.Status,
    takesJobs: node.SchedulingEligibility === "eligible" && !node.Drain,
    draining: node.Drain,
    drivers: drivers.map(([name]) => name).toSorted(),
    allocations: (await allocsOn(http, at, id)).map(({ ID, JobID: job, ClientStatus: status }) => ({
      id: ID,
      job,
      status,
    })),
  };
}
