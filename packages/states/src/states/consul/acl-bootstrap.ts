import { BomaError } from "@boma/protocol";
import { z } from "zod";

import { diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import { type Http, isAnswered, jsonOf, type ReadHttp } from "../../host/http.ts";
import { type Access, ask, send } from "./api.ts";
import { access, DATA_DIRECTORY, Token } from "./parameters.ts";

const RESET = /reset index: (\d+)/;

export default defineState({
  name: "consul.acl-bootstrap",
  summary: "The first token of a cluster, with all rights: given to Consul once, and not made by it.",
  stage: "consul",
  key: "cluster",
  params: z.strictObject({
    cluster: z
      .string()
      .regex(/^[a-z0-9][a-z0-9_-]{0,62}$/)
      .describe("The datacenter."),
    token: Token.describe('The token: `secret("gen:consul-management?enc=uuid")`, the same for all servers.'),
    api: access.api,
    ca: access.ca,
  }),
  secretive: ["token"],
  claims: () => ["consul:bootstrap"],
  after: () => ["consul:ready"],

  async check({ token, api, ca }, { http }) {
    return diff({ accepted: await isAccepted(http, { api, ca, token }) }, { accepted: true });
  },

  async apply(_, { token, api, ca }, { http }) {
    const answer = await http.send({
      method: "PUT",
      url: `${api.replace(/\/$/, "")}/v1/acl/bootstrap`,
      body: JSON.stringify({ BootstrapSecret: token }),
      ...(ca !== undefined && { ca }),
    });
    if (isAnswered(answer) && answer.status === 200)
      return exchange(http, { api, ca }, token, jsonOf<Made>(answer));
    // Another server was quicker, with the same token.
    if (await isAccepted(http, { api, ca, token })) return;
    const said = isAnswered(answer) ? answer.body.trim() : answer.why;
    const [, index] = RESET.exec(said) ?? [];
    if (index === undefined) throw new BomaError("state/api", `Consul did not take its first token: ${said}`);
    throw new BomaError(
      "state/blocked",
      "this cluster was given its first token before, and it was another one",
      {
        hint:
          `If that one is lost: write ${index} to ${DATA_DIRECTORY}/acl-bootstrap-reset on the leader ` +
          "(`consul.leader` says which it is), and run this again.",
      },
    );
  },

  examples: [
    {
      title: "before anything else of the ACLs",
      key: "dc1",
      params: { token: "7d5dd5a5-6e0f-4f0a-9a8c-0e6c9b1f2a33" },
      given: {
        http: {
          "GET http://127.0.0.1:8500/v1/acl/token/self": { status: 403, body: "ACL not found" },
          "PUT http://127.0.0.1:8500/v1/acl/bootstrap": {
            body: { AccessorID: "a5ad", SecretID: "7d5dd5a5-6e0f-4f0a-9a8c-0e6c9b1f2a33" },
            makes: {
              "GET http://127.0.0.1:8500/v1/acl/token/self": {
                body: { Policies: [{ Name: "global-management" }] },
              },
            },
          },
        },
      },
    },
  ],
});

interface Made {
  readonly AccessorID: string;
  readonly SecretID: string;
}

/** Before 1.15 Consul takes no token and makes one: it lives only until it has made the one that was given. */
async function exchange(http: Http, at: Access, token: string, made: Made): Promise<void> {
  if (made.SecretID === token) return;
  const policies = [{ Name: "global-management" }];
  const body = { SecretID: token, Description: "Kept by boma: the first token.", Policies: policies };
  await send(http, { ...at, token: made.SecretID }, { method: "PUT", path: "/v1/acl/token", body });
  await send(http, { ...at, token }, { method: "DELETE", path: `/v1/acl/token/${made.AccessorID}` });
}

/** Whether Consul knows the token. Who is refused with it does not have the rights that it was given for. */
async function isAccepted(http: ReadHttp, at: Access): Promise<boolean> {
  const answer = await ask(http, at, "/v1/acl/token/self");
  if (!isAnswered(answer)) throw new BomaError("state/api", `Consul does not answer: ${answer.why}`);
  if (answer.status === 200) return true;
  if (answer.status === 403) return false;
  throw new BomaError("state/api", `Consul cannot check a token: ${answer.body.trim().slice(0, 200)}`, {
    hint: "ACLs have to be enabled on all servers (`acl` of `consul.agent`), and there has to be a leader.",
  });
}
