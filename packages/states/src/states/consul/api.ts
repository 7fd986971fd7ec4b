/** The HTTP API of an agent. */
import { tokenApi } from "../daemon/token-api.ts";

export type { Access } from "../daemon/token-api.ts";

export const { ask, read, send } = tokenApi({
  name: "Consul",
  header: "x-consul-token",
  denied: "consul/denied",
});
