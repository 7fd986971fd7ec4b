import { z } from "zod";

import { defineFunction } from "../../define-function.ts";
import { ownAccess } from "../../states/consul/own-token.ts";
import { access } from "../../states/consul/parameters.ts";
import { roleOf } from "../../states/consul/role.ts";
import { Role } from "../../states/daemon/raft-servers.ts";

export default defineFunction({
  name: "consul.role",
  summary: "Whether this node leads, serves or is a client, and whether its agent may restart now.",
  params: z.strictObject({ api: access.api }),
  result: Role,
  effect: "read",
  onRestart: "resume",
  timeoutMs: 30_000,
  examples: ["boma-master run 'role:consul' consul.role"],
  run: async ({ api }, { host }) => roleOf(host, await ownAccess(host.files, api)),
});
