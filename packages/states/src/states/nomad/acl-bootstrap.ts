import { BomaError } from "@boma/protocol";
import { z } from "zod";

import { diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import { isAnswered, type ReadHttp } from "../../host/http.ts";
import { type Access, ask, send } from "./api.ts";
import { access, DATA_DIRECTORY, Name, Token } from "./parameters.ts";

const RESET = /reset index: (\d+)/;

export default defineState({
  name: "nomad.acl-bootstrap",
  summary: "The first token of a region, with all rights: given to Nomad once, and not made by it.",
  stage: "nomad",
  key: "region",
  params: z.strictObject({
    region: Name.describe("The region."),
    token: Token.describe('The token: `secret("gen:nomad-management?enc=uuid")`.'),
    api: access.api,
    ca: access.ca,
  }),
  secretive: ["token"],
  claims: () => ["nomad:bootstrap"],
  after: () => ["nomad:ready"],

  async check({ token, api, ca }, { http }) {
    return diff({ accepted: await isAccepted(http, { api, ca, token }) }, { accepted: true });
  },

  async apply(_, { token, api, ca }, { http }) {
    try {
      const body = { BootstrapSecret: token };
      await send(http, { api, ca }, { method: "POST", path: "/v1/acl/bootstrap", body });
    } catch (error) {
      // Another server was quicker, with the same token.
      if (await isAccepted(http, { api, ca, token })) return;
      const [, index] = RESET.exec(error instanceof Error ? error.message : "") ?? [];
      if (index === undefined) throw error;
      throw new BomaError(
        "state/blocked",
        "this region was given its first token before, and it was another one",
        {
          hint: `If that one is lost: write ${index} to ${DATA_DIRECTORY}/server/acl-bootstrap-reset on the leader, and run this again.`,
        },
      );
    }
  },

  examples: [
    {
      title: "before anything else of the ACLs",
      key: "global",
      params: { token: "7d5dd5a5-6e0f-4f0a-9a8c-0e6c9b1f2a33" },
      given: {
        http: {
          "GET http://127.0.0.1:4646/v1/acl/token/self": { status: 403, body: "ACL token not found" },
          "POST http://127.0.0.1:4646/v1/acl/bootstrap": {
            makes: { "GET http://127.0.0.1:4646/v1/acl/token/self": { body: { Type: "management" } } },
          },
        },
      },
    },
  ],
});

/** Whether Nomad knows the token. */
async function isAccepted(http: ReadHttp, at: Access): Promise<boolean> {
  const answer = await ask(http, at, "/v1/acl/token/self");
  if (!isAnswered(answer)) throw new BomaError("state/api", `Nomad does not answer: ${answer.why}`);
  if (answer.status === 200) return true;
  if (answer.status === 403 || answer.status === 404) return false;
  throw new BomaError("state/api", `Nomad cannot check a token: ${answer.body.trim().slice(0, 200)}`, {
    hint: "ACLs have to be enabled on all servers (`acl` of `nomad.agent`), and there has to be a leader.",
  });
}
