import { z } from "zod";

import { defineState } from "../../define-state.ts";
import { access, hasOneToken, ONE_TOKEN } from "./api.ts";
import { applyData, checkData, DataOf, Ignore } from "./data.ts";
import { MountPath } from "./mounts.ts";

/** Where each kind keeps its roles. */
const PLACES = {
  approle: (mount: string, name: string) => `auth/${mount}/role/${name}`,
  jwt: (mount: string, name: string) => `auth/${mount}/role/${name}`,
  userpass: (mount: string, name: string) => `auth/${mount}/users/${name}`,
  pki: (mount: string, name: string) => `${mount}/roles/${name}`,
  ssh: (mount: string, name: string) => `${mount}/roles/${name}`,
  database: (mount: string, name: string) => `${mount}/roles/${name}`,
  transit: (mount: string, name: string) => `${mount}/keys/${name}`,
} as const;
const KINDS = ["approle", "jwt", "userpass", "pki", "ssh", "database", "transit"] as const;

const API = "http://127.0.0.1:8200/v1";

const params = z
  .strictObject({
    name: z
      .string()
      .regex(/^[\w.-]{1,128}$/, "letters, digits and `_.-`")
      .describe("What it is called."),
    kind: z.enum(KINDS).describe("Of what it is a role."),
    mount: MountPath.optional().describe(
      "Where that is mounted; as the kind is called where it is not said.",
    ),
    data: DataOf.default({}).describe("What the role says."),
    ignore: Ignore,
    ...access,
  })
  .refine(hasOneToken, ONE_TOKEN);
type Want = z.output<typeof params>;

const pathOf = ({ kind, mount, name }: Want): string => PLACES[kind](mount ?? kind, name);

export default defineState({
  name: "vault.role",
  summary: "A role of an engine or of a way to log in: who gets what, and for how long.",
  key: "name",
  params,
  secretive: ["data", "token"],
  stage: "vault",
  claims: (want) => [`vault-path:${want.address} ${pathOf(want)}`],
  check: (want, host) => checkData(pathOf(want), want, host),
  apply: (_, want, host) => applyData(pathOf(want), want, host),
  examples: [
    {
      title: "machines that log in with a secret id that is good once",
      key: "web",
      params: {
        kind: "approle",
        data: { token_policies: "web", token_ttl: "1h", secret_id_num_uses: 1 },
        address: "http://127.0.0.1:8200",
        token: "hvs.the-one-that-configures",
      },
      given: {
        http: {
          [`GET ${API}/auth/approle/role/web`]: { status: 404, body: { errors: [] } },
          [`POST ${API}/auth/approle/role/web`]: {
            status: 204,
            makes: {
              [`GET ${API}/auth/approle/role/web`]: {
                body: {
                  data: {
                    token_policies: ["web"],
                    token_ttl: 3600,
                    secret_id_num_uses: 1,
                    bind_secret_id: true,
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
