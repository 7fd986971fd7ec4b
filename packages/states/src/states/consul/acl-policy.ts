import { z } from "zod";

import { diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import type { ReadHttp } from "../../host/http.ts";
import { readOfAcl } from "./acl-read.ts";
import { type Access, send } from "./api.ts";
import { access } from "./parameters.ts";

const Rights = z.enum(["deny", "list", "read", "write"]);
const Rule = z.strictObject({ policy: Rights, intentions: z.enum(["deny", "read", "write"]).optional() });
const Rules = z.record(z.string(), Rule).optional();

/** As Consul reads them in JSON: by kind, and by name or prefix. */
const PolicyRules = z.strictObject({
  agent: Rules,
  agent_prefix: Rules,
  event: Rules,
  event_prefix: Rules,
  key: Rules,
  key_prefix: Rules,
  node: Rules,
  node_prefix: Rules,
  query: Rules,
  query_prefix: Rules,
  service: Rules,
  service_prefix: Rules,
  session: Rules,
  session_prefix: Rules,
  acl: Rights.optional(),
  keyring: Rights.optional(),
  mesh: Rights.optional(),
  operator: Rights.optional(),
  peering: Rights.optional(),
});

export default defineState({
  name: "consul.acl-policy",
  summary: "A policy of Consul: who has a token with it may do this.",
  stage: "consul",
  key: "name",
  params: z.strictObject({
    name: z
      .string()
      .regex(/^[A-Za-z0-9_-]{1,128}$/, "letters, digits, `-` and `_`")
      .refine((name) => name !== "global-management", "this policy is Consul's own")
      .describe("The policy."),
    rules: PolicyRules.describe('What it allows, by kind: `{ node_prefix: { "": { policy: "read" } } }`.'),
    description: z.string().max(256).default("Kept by boma.").describe("What it is for."),
    ...access,
  }),
  secretive: ["token"],
  claims: ({ name }) => [`consul-policy:${name}`],
  after: () => ["consul:ready", "consul:bootstrap"],

  async check({ name, rules, description, ...at }, { http }) {
    const is = await policyOf(http, at, name);
    return diff(is && { rules: is.Rules, description: is.Description }, {
      rules: textOf(rules),
      description,
    });
  },

  async apply(_, { name, rules, description, ...at }, { http }) {
    const id = (await policyOf(http, at, name))?.ID;
    const path = id === undefined ? "/v1/acl/policy" : `/v1/acl/policy/${id}`;
    const body = { Name: name, Description: description, Rules: textOf(rules) };
    await send(http, at, { method: "PUT", path, body });
  },

  examples: [
    {
      title: "what an agent needs for itself",
      key: "agents",
      params: {
        rules: { node_prefix: { "": { policy: "write" } }, service_prefix: { "": { policy: "read" } } },
      },
      given: {
        http: {
          "PUT http://127.0.0.1:8500/v1/acl/policy": {
            makes: {
              "GET http://127.0.0.1:8500/v1/acl/policy/name/agents": (sent) => ({
                body: { ...(JSON.parse(sent) as object), ID: "a5ad" },
              }),
            },
          },
        },
      },
    },
  ],
});

interface Policy {
  readonly ID: string;
  readonly Description: string;
  readonly Rules: string;
}

/** Consul keeps the text as it came, so the same rules are the same text. */
const textOf = (rules: object): string => JSON.stringify(rules);

const policyOf = (http: ReadHttp, at: Access, name: string): Promise<Policy | undefined> =>
  readOfAcl<Policy>(http, at, `/v1/acl/policy/name/${name}`);
