import { defineState } from "../../define-state.ts";
import { applyMount, blockedMount, checkMount, mountParams } from "./mounts.ts";

const KINDS = ["kv", "kv-v2", "pki", "ssh", "transit", "database", "totp"] as const;
const API = "http://127.0.0.1:8200/v1";

export default defineState({
  name: "vault.mount",
  summary: "An engine of secrets at a path of Vault: kv, pki, ssh, transit, database.",
  key: "path",
  params: mountParams(KINDS, "The kind of engine; `kv-v2` keeps versions."),
  secretive: ["token"],
  stage: "vault",
  claims: ({ path, address }) => [`vault-mount:${address} ${path}`],
  check: (want, host) => checkMount("sys/mounts", want, host),
  blocked: (want, host) => blockedMount("sys/mounts", want, host),
  apply: (changes, want, host) => applyMount("sys/mounts", changes, want, host),
  examples: [
    {
      title: "certificates for ten years at most",
      key: "pki",
      params: {
        type: "pki",
        config: { max_lease_ttl: "87600h" },
        address: "http://127.0.0.1:8200",
        token: "hvs.the-one-that-configures",
      },
      given: {
        http: {
          [`GET ${API}/sys/mounts`]: { body: { data: { "sys/": { type: "system" } } } },
          [`POST ${API}/sys/mounts/pki`]: {
            status: 204,
            makes: {
              [`GET ${API}/sys/mounts`]: (sent) => ({
                body: { data: { "pki/": JSON.parse(sent) as object } },
              }),
            },
          },
        },
      },
    },
    {
      title: "a store with versions, tuned anew",
      key: "kv",
      params: {
        type: "kv-v2",
        description: "secrets of services",
        address: "http://127.0.0.1:8200",
        token: "hvs.the-one-that-configures",
      },
      given: {
        http: {
          [`GET ${API}/sys/mounts`]: {
            body: { data: { "kv/": { type: "kv", description: "", options: { version: "2" } } } },
          },
          [`POST ${API}/sys/mounts/kv/tune`]: {
            status: 204,
            makes: {
              [`GET ${API}/sys/mounts`]: {
                body: {
                  data: {
                    "kv/": { type: "kv", description: "secrets of services", options: { version: "2" } },
                  },
                },
              },
            },
          },
        },
      },
    },
  ],
});
