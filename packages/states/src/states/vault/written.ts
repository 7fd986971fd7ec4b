import { z } from "zod";

import type { Changes } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import type { ReadHost } from "../../host/host.ts";
import { access, hasOneToken, ONE_TOKEN, readAt, writeAt } from "./api.ts";
import { applyData, checkData, DataOf, type DataProperties, Ignore } from "./data.ts";
import { MountPath } from "./mounts.ts";

const API = "http://127.0.0.1:8200/v1";
const TOKEN = { address: "http://127.0.0.1:8200", token: "hvs.the-one-that-configures" };

const params = z
  .strictObject({
    path: MountPath.describe("Where it is written, as Vault's API names it."),
    data: DataOf.describe("What is written."),
    ignore: Ignore,
    once: z
      .strictObject({ read: z.string().min(1), field: z.string().min(1) })
      .optional()
      .describe(
        "Written only while `field` of what lies at `read` is empty: what makes a new key each time.",
      ),
    ...access,
  })
  .refine(hasOneToken, ONE_TOKEN);
type Want = z.output<typeof params>;

export default defineState({
  name: "vault.written",
  summary: "What is written to a path of Vault, where what lies there says something else.",
  key: "path",
  params,
  secretive: ["data", "token"],
  stage: "vault",
  claims: ({ path, address }) => [`vault-path:${address} ${path}`],
  async check(want, host) {
    if (!want.once) return checkData(want.path, want, host);
    return (
      (await isThere(want, host)) ? {} : { data: { from: undefined, to: want.data } }
    ) as Changes<DataProperties>;
  },
  async apply(_, want, host) {
    if (want.once) await writeAt(want, want.path, want.data, host);
    else await applyData(want.path, want, host);
  },
  examples: [
    {
      title: "an authority of its own, made once",
      key: "pki/root/generate/internal",
      params: {
        data: { common_name: "example lan", ttl: "87600h" },
        once: { read: "pki/cert/ca", field: "certificate" },
        ...TOKEN,
      },
      given: {
        http: {
          [`GET ${API}/pki/cert/ca`]: { body: { data: { certificate: "" } } },
          [`POST ${API}/pki/root/generate/internal`]: {
            makes: { [`GET ${API}/pki/cert/ca`]: { body: { data: { certificate: "-----BEGIN" } } } },
          },
        },
      },
    },
    {
      title: "where the database is; its password is not told again",
      key: "database/config/main",
      params: {
        data: { plugin_name: "postgresql-database-plugin", allowed_roles: "web", password: "only sent" },
        ignore: ["password"],
        ...TOKEN,
      },
      given: {
        http: {
          [`POST ${API}/database/config/main`]: {
            status: 204,
            makes: {
              [`GET ${API}/database/config/main`]: {
                body: { data: { plugin_name: "postgresql-database-plugin", allowed_roles: ["web"] } },
              },
            },
          },
        },
      },
    },
  ],
});

async function isThere({ once, ...want }: Want, host: ReadHost): Promise<boolean> {
  const found = await readAt(want, once!.read, host, [204, 400, 404]);
  return Boolean(found?.[once!.field]);
}
