import { defineState } from "../../define-state.ts";
import { applyMount, blockedMount, checkMount, mountParams } from "./mounts.ts";

const KINDS = ["approle", "jwt", "oidc", "userpass", "cert", "ldap", "kubernetes"] as const;
const API = "http://127.0.0.1:8200/v1";

export default defineState({
  name: "vault.auth",
  summary: "A way to log in at a path of Vault: approle, jwt, userpass.",
  key: "path",
  params: mountParams(KINDS, "The way to log in."),
  secretive: ["token"],
  stage: "vault",
  claims: ({ path, address }) => [`vault-auth:${address} ${path}`],
  check: (want, host) => checkMount("sys/auth", want, host),
  blocked: (want, host) => blockedMount("sys/auth", want, host),
  apply: (changes, want, host) => applyMount("sys/auth", changes, want, host),
  examples: [
    {
      title: "for machines",
      key: "approle",
      params: { type: "approle", address: "http://127.0.0.1:8200", token: "hvs.the-one-that-configures" },
      given: {
        http: {
          [`GET ${API}/sys/auth`]: { body: { data: { "token/": { type: "token" } } } },
          [`POST ${API}/sys/auth/approle`]: {
            status: 204,
            makes: {
              [`GET ${API}/sys/auth`]: (sent) => ({
                body: { data: { "approle/": JSON.parse(sent) as object } },
              }),
            },
          },
        },
      },
    },
  ],
});
