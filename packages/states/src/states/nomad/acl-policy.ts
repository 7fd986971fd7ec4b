import { z } from "zod";

import { diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import { read, send } from "./api.ts";
import { access, Name } from "./parameters.ts";

interface Policy {
  readonly Description: string;
  readonly Rules: string;
}

export default defineState({
  name: "nomad.acl-policy",
  summary: "A policy of Nomad: who has a token with it may do this.",
  stage: "nomad",
  key: "name",
  params: z.strictObject({
    name: Name.describe("The policy."),
    rules: z
      .record(z.string(), z.json())
      .describe('What it allows: `{ namespace: { default: { policy: "read" } } }`.'),
    description: z.string().max(256).default("Kept by boma.").describe("What it is for."),
    ...access,
  }),
  secretive: ["token"],
  claims: ({ name }) => [`nomad-policy:${name}`],
  after: () => ["nomad:ready", "nomad:bootstrap"],

  async check({ name, rules, description, ...at }, { http }) {
    const is = await read<Policy>(http, at, `/v1/acl/policy/${name}`);
    return diff(is && { rules: is.Rules, description: is.Description }, {
      rules: JSON.stringify(rules),
      description,
    });
  },

  async apply(_, { name, rules, description, ...at }, { http }) {
    const body = { Name: name, Description: description, Rules: JSON.stringify(rules) };
    await send(http, at, { method: "POST", path: `/v1/acl/policy/${name}`, body });
  },

  examples: [
    {
      title: "to look, and no more",
      key: "readers",
      params: { rules: { namespace: { default: { policy: "read" } }, node: { policy: "read" } } },
      given: {
        http: {
          "GET http://127.0.0.1:4646/v1/acl/policy/readers": { status: 404, body: "ACL policy not found" },
          "POST http://127.0.0.1:4646/v1/acl/policy/readers": {
            makes: {
              "GET http://127.0.0.1:4646/v1/acl/policy/readers": (sent) => ({
                body: JSON.parse(sent) as object,
              }),
            },
          },
        },
      },
    },
  ],
});
