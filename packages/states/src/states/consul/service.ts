import { BomaError } from "@boma/protocol";

import { type Changes, isSame } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import type { ReadHost } from "../../host/host.ts";
import { read } from "./api.ts";
import { type ConfigFile, differs, differsInSecret, install, pathOf } from "./config-files.ts";
import { DIRECTORY, GROUP } from "./parameters.ts";
import { isUp, reload } from "./reload.ts";
import { definitionOf, nameOf, type Registered, type Service, ServiceParams } from "./service-definition.ts";

interface Properties {
  definition: string;
  /** As the running agent has it. */
  registered: boolean;
}

const nameOfFile = (id: string): string => `boma-service-${id}.json`;
const fileFor = (want: Service): ConfigFile => ({ name: nameOfFile(want.id), settings: definitionOf(want) });

export default defineState({
  name: "consul.service",
  summary: "A service of this machine that its Consul agent keeps, watches and tells of.",
  stage: "consul",
  key: "id",
  params: ServiceParams,
  secretive: ["serviceToken", "token"],
  claims: ({ id }) => [`consul-service:${id}`, `file:${pathOf(nameOfFile(id))}`],
  after: () => [
    `file:${DIRECTORY}`,
    "pkg:consul",
    `group:${GROUP}`,
    "consul:agent",
    "consul:settings",
    "consul:ready",
  ],
  needs: ({ id, port, proto, exposure }) =>
    exposure === "none" ? [] : [{ name: id.slice(0, 41), proto, port, exposure }],
  warnings: ({ id, checks }) =>
    checks.length === 0 ? [`nobody looks whether ${id} is well: it has no checks`] : [],

  async check(want, host) {
    const changes: { -readonly [K in keyof Properties]?: Changes<Properties>[K] } = {};
    const { files } = host;
    const differing = want.serviceToken === undefined ? differs : differsInSecret;
    const definition = await differing(files, fileFor(want));
    if (definition) changes.definition = definition;
    if ((await isUp(host)) && !(await isRegistered(want, host)))
      changes.registered = { from: false, to: true };
    return changes as Changes<Properties>;
  },

  async apply({ definition }, want, host) {
    if (definition) await install(host, [fileFor(want)]);
    await reload(host, want);
    if (!(await isUp(host)) || (await isRegistered(want, host))) return;
    throw new BomaError("consul/config", `the agent has ${want.id} in its files, and does not tell of it`, {
      hint: "`journalctl -u consul` on the node; a token that may not write the service is the usual reason.",
    });
  },

  examples: [
    {
      title: "a web server that is well while it answers",
      key: "web",
      params: {
        port: 8080,
        tags: ["v2"],
        meta: { owner: "shop" },
        checks: [{ http: "http://127.0.0.1:8080/health" }],
        exposure: "lan",
      },
      given: {
        commands: { consul: {} },
        files: { "/etc/consul.d": { directory: true } },
        services: { consul: { active: true } },
        http: {
          "PUT http://127.0.0.1:8500/v1/agent/reload": {
            makes: {
              "GET http://127.0.0.1:8500/v1/agent/service/web": {
                body: { Service: "web", Port: 8080, Tags: ["v2"], Meta: { owner: "shop" } },
              },
            },
          },
        },
      },
    },
  ],
});

/** What a file says, and what an agent that read it before says, may be two things. */
async function isRegistered(want: Service, { http }: ReadHost): Promise<boolean> {
  const known = await read<Registered>(http, want, `/v1/agent/service/${want.id}`);
  if (!known) return false;
  const { Service: name, Port: port, Tags: tags, Meta: meta } = known;
  return isSame(
    { name, port, tags: tags ?? [], meta: sorted(meta ?? {}) },
    { name: nameOf(want), port: want.port, tags: want.tags, meta: sorted(want.meta) },
  );
}

const sorted = (words: Readonly<Record<string, string>>): readonly (readonly [string, string])[] =>
  Object.entries(words).toSorted(([a], [b]) => (a < b ? -1 : 1));
