import { createHash } from "node:crypto";

import { z } from "zod";

import { diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import type { ReadHttp } from "../../host/http.ts";
import { readOfAcl } from "./acl-read.ts";
import { type Access, send } from "./api.ts";
import { access, NodeName, Token } from "./parameters.ts";

const Name = z.string().regex(/^[A-Za-z0-9_./-]{1,128}$/, "letters, digits and `_./-`");

interface Properties {
  description: string;
  policies: readonly string[];
  nodes: readonly string[];
  services: readonly string[];
  /** Whether it is the one that was given. */
  secret: string;
}

export default defineState({
  name: "consul.acl-token",
  summary: "A token of Consul that was made elsewhere, and what it may do.",
  stage: "consul",
  key: "name",
  params: z.strictObject({
    name: Name.describe("What it is for; the public half of the token follows from it."),
    secret: Token.describe('The token itself: `secret("gen:consul-web?enc=uuid")`.'),
    policies: z.array(z.string().min(1).max(128)).max(100).default([]).describe("The policies that it has."),
    nodes: z
      .array(z.strictObject({ node: NodeName, datacenter: z.string() }))
      .max(100)
      .default([])
      .describe("Agents that it stands for."),
    services: z
      .array(z.string().min(1).max(128))
      .max(100)
      .default([])
      .describe("Services that it stands for."),
    ...access,
  }),
  secretive: ["secret", "token"],
  claims: ({ name }) => [`consul-token:${name}`],
  after: ({ policies }) => [
    "consul:ready",
    "consul:bootstrap",
    ...policies.map((policy) => `consul-policy:${policy}`),
  ],

  async check({ name, secret, policies, nodes, services, ...at }, { http }) {
    const is = await tokenOf(http, at, name);
    return diff<Properties>(is && propertiesOf(is, secret), {
      description: name,
      policies: policies.toSorted(),
      nodes: nodes.map(nodeText).toSorted(),
      services: services.toSorted(),
      secret: AS_GIVEN,
    });
  },

  async apply({ secret: exchanged }, { name, secret, policies, nodes, services, ...at }, { http }) {
    const accessor = accessorOf(name);
    const isThere = (await tokenOf(http, at, name)) !== undefined;
    // A token's secret is its own for life: another one is another token.
    const own = `/v1/acl/token/${accessor}`;
    if (isThere && exchanged) await send(http, at, { method: "DELETE", path: own });
    const isNew = !isThere || exchanged !== undefined;
    const body = {
      AccessorID: accessor,
      SecretID: secret,
      Description: name,
      Policies: policies.map((policy) => ({ Name: policy })),
      NodeIdentities: nodes.map(({ node, datacenter }) => ({ NodeName: node, Datacenter: datacenter })),
      ServiceIdentities: services.map((service) => ({ ServiceName: service })),
      Local: false,
    };
    await send(http, at, { method: "PUT", path: isNew ? "/v1/acl/token" : own, body });
  },

  examples: [
    {
      title: "the token of a machine's agent",
      key: "agent/web-1",
      params: {
        secret: "0e2f7d8e-52c1-4c4b-9a43-4f9be5e0a1b2",
        policies: ["agents"],
        nodes: [{ node: "web-1", datacenter: "dc1" }],
      },
      given: {
        http: {
          "PUT http://127.0.0.1:8500/v1/acl/token": {
            makes: {
              "GET http://127.0.0.1:8500/v1/acl/token/dc794bf4-6887-8552-bdbb-572c19d195d1": (sent) => ({
                body: JSON.parse(sent) as object,
              }),
            },
          },
        },
      },
    },
  ],
});

interface Known {
  readonly SecretID: string;
  readonly Description: string;
  readonly Policies?: readonly { readonly Name: string }[] | null;
  readonly NodeIdentities?: readonly { readonly NodeName: string; readonly Datacenter: string }[] | null;
  readonly ServiceIdentities?: readonly { readonly ServiceName: string }[] | null;
}

const AS_GIVEN = "the one that was given";

const propertiesOf = (known: Known, secret: string): Properties => ({
  description: known.Description,
  policies: (known.Policies ?? []).map(({ Name: name }) => name).toSorted(),
  nodes: (known.NodeIdentities ?? [])
    .map(({ NodeName: node, Datacenter: datacenter }) => nodeText({ node, datacenter }))
    .toSorted(),
  services: (known.ServiceIdentities ?? []).map(({ ServiceName: service }) => service).toSorted(),
  secret: known.SecretID === secret ? AS_GIVEN : "another one",
});

const nodeText = ({ node, datacenter }: { readonly node: string; readonly datacenter: string }): string =>
  `${node}.${datacenter}`;

/** A name always gives the same UUID, so that a token is found again without knowing its secret. */
export function accessorOf(name: string): string {
  const bytes = createHash("sha256").update(`boma/consul-token/${name}`).digest().subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x80;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

const tokenOf = (http: ReadHttp, at: Access, name: string): Promise<Known | undefined> =>
  readOfAcl<Known>(http, at, `/v1/acl/token/${accessorOf(name)}`);
