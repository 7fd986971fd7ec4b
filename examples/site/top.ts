// Which trees are for whom. Roles come from the profile that a machine was given when it joined.
import { top } from "@boma/states";

export default top({
  "*": ["base", "network"],
  "role:gateway": ["lan"],
  "role:consul-*": ["consul"],
  "role:vault-server": ["vault"],
  "role:nomad-*": ["nomad"],
  "role:ceph": ["ceph"],
  "role:nomad-server": ["apps"],
});
