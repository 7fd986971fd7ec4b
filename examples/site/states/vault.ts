// Vault: opened by people, of whom two of three have to come. Who holds what is in files/holders.
import { read, tree, vault, vaultForNomad, vaultKit } from "@boma/states";

import Pillar from "../pillar/schema.ts";
import { made, tokenOf } from "./cluster.ts";

const HOLDERS = ["anna", "bert", "carl"];
const LOCAL = "https://127.0.0.1:8200";
const TLS = { certFile: "/etc/vault.d/tls/fullchain.pem", keyFile: "/etc/vault.d/tls/privkey.pem" };

export default tree(Pillar, ({ node, pillar }) => {
  const { server, storage, privateKey, token } = pillar.vault;
  if (node.id !== server) return [];
  const ca = read("files/ca.pem");
  const holders = HOLDERS.map((name) => ({ name, pgpKey: read(`files/holders/${name}.asc`) }));
  const onConsul = storage === "consul";
  const kit = vaultKit({
    name: server,
    require: ["apt.repo(hashicorp)", ...(onConsul ? (["consul.acl-token(vault)"] as const) : [])],
    server: {
      storage: onConsul ? { type: "consul" } : { type: "file", path: "/opt/vault/data" },
      ...(onConsul && { consulToken: tokenOf(pillar, "consul/vault") }),
      listeners: [{ address: "0.0.0.0:8200", tls: TLS }],
      apiAddr: `https://${pillar.servers[server]}:8200`,
    },
    tls: { certificate: read("files/vault.pem"), privateKey },
    initialised: {
      cluster: pillar.cluster,
      address: LOCAL,
      ca,
      shares: holders.length,
      threshold: 2,
      holders,
      rootTokenPgpKey: holders[0]!.pgpKey,
    },
    gate: { address: LOCAL, ca, consul: onConsul, within: "10s" },
  });
  // Without a token nothing in it can be declared: until people have opened it, there is none.
  if (token === undefined) return kit;
  const at = { address: LOCAL, ca, token, require: kit.at(-1)! };
  const kv = vault.mount("kv", { type: "kv-v2", ...at });
  return [
    kit,
    kv,
    // What the job `canary` is given; the master makes it. A store that was mounted just now is not there at once.
    vault.written("kv/data/default/canary", {
      data: { data: { word: made(pillar, "canary", "len=24&enc=alnum") } },
      ...at,
      require: kv,
      retry: { attempts: 10, interval: "1s" },
    }),
    // Jobs prove who they are with what Nomad signs; each reads what is below its own namespace and name.
    vaultForNomad({
      ...at,
      jwksUrl: "http://127.0.0.1:4646/.well-known/jwks.json",
      require: [kit.at(-1)!, `nomad.ready(${server})`],
    }),
  ];
});
