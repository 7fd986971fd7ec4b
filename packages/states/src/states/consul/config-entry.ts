import { BomaError } from "@boma/protocol";
import { z } from "zod";

import { diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import type { ReadHttp } from "../../host/http.ts";
import { type Access, read, send } from "./api.ts";
import { access } from "./parameters.ts";

const KINDS = [
  "ingress-gateway",
  "mesh",
  "proxy-defaults",
  "service-defaults",
  "service-intentions",
  "service-resolver",
  "service-router",
  "service-splitter",
  "terminating-gateway",
] as const;

export default defineState({
  name: "consul.config-entry",
  summary: "An entry of the service mesh, such as the intentions of a service: who may speak to it.",
  stage: "consul",
  key: "entry",
  params: z.strictObject({
    entry: z
      .string()
      .regex(new RegExp(`^(?:${KINDS.join("|")})/[A-Za-z0-9*][A-Za-z0-9_*-]{0,127}$`), "KIND/NAME")
      .describe(`Its kind and its name: \`service-intentions/web\`. Kinds: ${KINDS.join(", ")}.`),
    settings: z
      .record(z.string().regex(/^[A-Z][A-Za-z]*$/, "written as Consul's API writes them"), z.json())
      .describe("What it says, as the API writes it; what is not said is Consul's to fill in."),
    ...access,
  }),
  secretive: ["token"],
  claims: ({ entry }) => [`consul-config:${entry}`],
  after: () => ["consul:ready", "consul:bootstrap"],

  async check({ entry, settings, ...at }, { http }) {
    const is = await entryAt(http, at, entry);
    return diff<{ settings: Entry }>({ settings: is && (fitting(is, settings) as Entry) }, { settings });
  },

  async apply(_, { entry, settings, ...at }, { http }) {
    const [kind, name] = entry.split("/");
    const index = Number((await entryAt(http, at, entry))?.["ModifyIndex"] ?? 0);
    const body = { ...settings, Kind: kind, Name: name };
    const done = await send(http, at, { method: "PUT", path: `/v1/config?cas=${index}`, body });
    if (done.trim() !== "true")
      throw new BomaError("state/api", `${entry} was written by somebody else in this moment`);
  },

  examples: [
    {
      title: "only the shop may speak to the database",
      key: "service-intentions/db",
      params: { settings: { Sources: [{ Name: "shop", Action: "allow" }] } },
      given: {
        http: {
          "GET http://127.0.0.1:8500/v1/config/service-intentions/db": { status: 404 },
          "PUT http://127.0.0.1:8500/v1/config?cas=0": {
            body: "true",
            makes: {
              "GET http://127.0.0.1:8500/v1/config/service-intentions/db": {
                body: {
                  Kind: "service-intentions",
                  ModifyIndex: 9,
                  Sources: [{ Name: "shop", Action: "allow", Precedence: 9 }],
                },
              },
            },
          },
        },
      },
    },
  ],
});

type Entry = Readonly<Record<string, unknown>>;

const entryAt = (http: ReadHttp, at: Access, entry: string): Promise<Entry | undefined> =>
  read<Entry>(http, at, `/v1/config/${entry}`);

/** Of what is there, as much as is wanted: Consul adds numbers and defaults of its own everywhere. */
function fitting(is: unknown, wanted: unknown): unknown {
  if (Array.isArray(is) && Array.isArray(wanted))
    return is.map((member: unknown, at) => (at < wanted.length ? fitting(member, wanted[at]) : member));
  if (!isEntry(is) || !isEntry(wanted)) return is;
  const shared = Object.keys(wanted).filter((name) => Object.hasOwn(is, name));
  return Object.fromEntries(shared.map((name) => [name, fitting(is[name], wanted[name])]));
}

const isEntry = (one: unknown): one is Entry =>
  typeof one === "object" && one !== null && !Array.isArray(one);
