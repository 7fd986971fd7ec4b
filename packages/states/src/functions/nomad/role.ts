import { z } from "zod";

import { defineFunction } from "../../define-function.ts";
import { Role } from "../../states/daemon/raft-servers.ts";
import { ownAccess } from "../../states/nomad/api.ts";
import { roleOf } from "../../states/nomad/cluster.ts";
import { ownApi } from "../../states/nomad/parameters.ts";

export default defineFunction({
  name: "nomad.role",
  summary: "Whether this node leads, serves or is a client of Nomad, and whether its agent may restart now.",
  params: z.strictObject({ api: ownApi }),
  result: Role,
  effect: "read",
  onRestart: "resume",
  timeoutMs: 30_000,
  examples: ["boma-master run 'role:nomad' nomad.role"],
  run: async ({ api }, { host }) => roleOf(host.http, await ownAccess(host.files, api)),
});
