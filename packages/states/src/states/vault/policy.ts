import { BomaError } from "@boma/protocol";
import { z } from "zod";

import { diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import type { ReadHost } from "../../host/host.ts";
import { textIn } from "./alike.ts";
import { access, hasOneToken, ONE_TOKEN, readAt, writeAt } from "./api.ts";

const CAPABILITIES = ["create", "read", "update", "patch", "delete", "list", "sudo", "deny"] as const;
const BUILT_IN = ["root"];

const params = z
  .strictObject({
    name: z
      .string()
      .regex(/^[a-z0-9][a-z0-9._-]{0,127}$/, "small letters, digits and `._-`")
      .refine((name) => !BUILT_IN.includes(name), "Vault's own, which cannot be changed")
      .describe("What it is called."),
    rules: z
      .string()
      .min(1)
      .optional()
      .describe("The whole policy as Vault writes it, in HCL or JSON.")
      .meta({ as: "text" }),
    paths: z
      .record(z.string().min(1), z.array(z.enum(CAPABILITIES)).min(1))
      .optional()
      .describe(
        "What may be done at each path: `read`, `list` and so on. `aliases.@PATH.` stands for the login that is mounted there.",
      ),
    ...access,
  })
  .refine(({ rules, paths }) => (rules === undefined) !== (paths === undefined), "either `rules` or `paths`")
  .refine(hasOneToken, ONE_TOKEN);
type Want = z.output<typeof params>;

const pathOf = ({ name }: Want): string => `sys/policies/acl/${name}`;

export default defineState({
  name: "vault.policy",
  summary: "A policy of Vault: what those who have it may do.",
  key: "name",
  params,
  secretive: ["token"],
  stage: "vault",
  claims: ({ name, address }) => [`vault-policy:${address} ${name}`],

  async check(want, host) {
    const found = await readAt(want, pathOf(want), host);
    const is = found && { rules: trimmed(textIn(found["policy"])) };
    return diff<{ rules: string }>(is, { rules: trimmed((await withAccessors(want, host)).text) });
  },

  async apply(_, want, host) {
    const { text, missing } = await withAccessors(want, host);
    if (missing !== undefined)
      throw new BomaError("state/blocked", `nothing to log in with is mounted at ${missing}`, {
        hint: "Declare it with `vault.auth`, and require it here.",
      });
    await writeAt(want, pathOf(want), { policy: text }, host);
  },

  examples: [
    {
      title: "what a web server may read",
      key: "web",
      params: {
        paths: { "kv/data/web/*": ["read"], "pki/issue/web": ["update"] },
        address: "http://127.0.0.1:8200",
        token: "hvs.the-one-that-configures",
      },
      given: {
        http: {
          "POST http://127.0.0.1:8200/v1/sys/policies/acl/web": {
            status: 204,
            makes: {
              "GET http://127.0.0.1:8200/v1/sys/policies/acl/web": (sent) => ({
                body: { data: JSON.parse(sent) as object },
              }),
            },
          },
        },
      },
    },
  ],
});

/** The order of paths is that of the declaration; Vault keeps the text as it is. */
function textOf({ rules, paths }: Want): string {
  if (rules !== undefined) return rules;
  const rows = Object.entries(paths ?? {}).map(([path, capabilities]) => [path, { capabilities }]);
  return `${JSON.stringify({ path: Object.fromEntries(rows) as object }, undefined, 2)}\n`;
}

/** `{{identity.entity.aliases.@jwt-nomad.metadata.nomad_job_id}}`: where Vault wants a name that it makes up itself. */
const LOGIN = /(?<=\baliases\.)@([\w/-]+)(?=\.)/g;

async function withAccessors(want: Want, host: ReadHost): Promise<{ text: string; missing?: string }> {
  const text = textOf(want);
  const paths = [...new Set([...text.matchAll(LOGIN)].map(([, path]) => path!))];
  if (paths.length === 0) return { text };
  const mounted = (await readAt(want, "sys/auth", host)) ?? {};
  const accessors = new Map(
    paths.map((path) => [path, (mounted[`${path}/`] as { accessor?: string } | undefined)?.accessor]),
  );
  const missing = paths.find((path) => accessors.get(path) === undefined);
  if (missing !== undefined) return { text, missing };
  return { text: text.replaceAll(LOGIN, (_, path: string) => accessors.get(path)!) };
}

/** Vault takes blanks at the ends away. */
const trimmed = (text: string): string => `${text.trim()}\n`;
