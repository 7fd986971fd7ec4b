// What runs on the fleet, declared where Nomad's servers are: where it runs is Nomad's to say.
import { nomad, tree } from "@boma/states";

import Pillar from "../pillar/schema.ts";
import { patient, tokenOf } from "./cluster.ts";

/** With the identity that Nomad gives it the job asks Vault itself; nobody else has its token. */
const WORD = {
  Vault: {},
  Templates: [
    {
      EmbeddedTmpl: '{{ with secret "kv/data/default/canary" }}{{ .Data.data.word }}{{ end }}',
      DestPath: "secrets/word",
      ChangeMode: "noop",
    },
  ],
};

export default tree(Pillar, ({ pillar }) => {
  const secrets = pillar.vault.token === undefined ? undefined : WORD;
  // One on each client of its environment. What is new is tried where this runs in dev, before it runs in prod.
  return nomad.job("canary", {
    token: tokenOf(pillar, "nomad/management"),
    require: ["nomad.acl-bootstrap(global)", ...(secrets ? (["vault.role(nomad-workloads)"] as const) : [])],
    within: "3m",
    retry: patient,
    spec: {
      Type: "service",
      Datacenters: ["*"],
      Constraints: [{ LTarget: "${meta.env}", RTarget: pillar.canary.env, Operand: "=" }],
      TaskGroups: [
        {
          Name: "canary",
          Tasks: [
            {
              Name: "canary",
              Driver: "raw_exec",
              Config: { command: "/bin/sleep", args: ["infinity"] },
              Resources: { CPU: 20, MemoryMB: 16 },
              ...secrets,
            },
          ],
        },
      ],
    },
  });
});
