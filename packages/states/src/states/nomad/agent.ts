import { BomaError } from "@boma/protocol";

import { type Changes, diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import type { ReadHost } from "../../host/host.ts";
import { type Stage, standsOn } from "../../stages.ts";
import { differs, differsInSecret, type JsonFile, put } from "../daemon/json-file.ts";
import { readIfThere } from "../owned-file.ts";
import { type Agent, AgentParams, needsOf, secretsOf, settingsOf } from "./agent-settings.ts";
import { disruptiveIn } from "./change-class.ts";
import { install, operatorFile, plainFile, secretFile } from "./config-files.ts";
import { makeVolumes, volumesThere } from "./host-volumes.ts";
import { allocsOn, isOfSystem, nodeIdOf, selfOf } from "./node.ts";
import { ownPlace, settingsIn } from "./own-place.ts";
import { DIRECTORY, GROUP, OPERATOR, PLAIN, SECRET, UNIT } from "./parameters.ts";

interface Properties {
  settings: string;
  gossipKey: string;
  operatorToken: string;
  hostVolumes: readonly string[];
}

interface AgentFiles {
  readonly plain: JsonFile;
  readonly secret: JsonFile;
  readonly operator: JsonFile;
}

const filesFor = (want: Agent): AgentFiles => ({
  plain: plainFile(settingsOf(want)),
  secret: secretFile(secretsOf(want)),
  operator: operatorFile(want.operatorToken),
});

export default defineState({
  name: "nomad.agent",
  summary: "What a Nomad agent reads when it starts; its unit watches this.",
  stage: "nomad",
  key: "node",
  params: AgentParams,
  secretive: ["gossipKey", "operatorToken"],
  claims: () => ["nomad:agent", `file:${PLAIN}`, `file:${SECRET}`, `file:${OPERATOR}`],
  after: ({ hostVolumes, vault }) => [
    `file:${DIRECTORY}`,
    "pkg:nomad",
    `group:${GROUP}`,
    ...(vault?.caFile === undefined ? [] : [`file:${vault.caFile}`]),
    ...Object.values(hostVolumes).flatMap(({ path }) => [`file:${path}`, `mount:${path}`]),
  ],
  needs: needsOf,
  awaits: ({ vault, consul }): readonly Stage[] => [
    ...standsOn("nomad"),
    ...(vault ? (["vault"] as const) : []),
    ...(consul ? (["consul"] as const) : []),
  ],
  warnings: ({ mode, bootstrapExpect = 1 }) =>
    mode !== "client" && bootstrapExpect % 2 === 0
      ? [`${bootstrapExpect} servers bear no more failures than ${bootstrapExpect - 1}`]
      : [],

  async check(want, { files }) {
    const { plain, secret, operator } = filesFor(want);
    const settings = await differs(files, plain);
    const gossipKey = await differsInSecret(files, secret);
    const operatorToken = await differsInSecret(files, operator);
    const volumes = diff<Pick<Properties, "hostVolumes">>(
      { hostVolumes: await volumesThere(want.hostVolumes, files) },
      { hostVolumes: Object.keys(want.hostVolumes).toSorted() },
    );
    return {
      ...(settings && { settings }),
      ...(gossipKey && { gossipKey }),
      ...(operatorToken && { operatorToken }),
      ...volumes,
    } as Changes<Properties>;
  },

  blocked: disruption,

  /** Its root's token is nothing that the agent reads, and its key it has read when it was first started. */
  refreshes: ({ settings }) => settings !== undefined,

  async apply({ settings, gossipKey, operatorToken }, want, host) {
    const why = settings && (await disruption(want, host));
    if (why) throw new BomaError("state/blocked", why);
    await makeVolumes(want.hostVolumes, host.files);
    const { plain, secret, operator } = filesFor(want);
    if (operatorToken) await put(host.files, operator);
    const changed = [...(gossipKey ? [secret] : []), ...(settings ? [plain] : [])];
    if (changed.length > 0) await install(host, changed);
  },

  examples: [
    {
      title: "one of three servers",
      key: "nomad-1",
      params: {
        mode: "server",
        bootstrapExpect: 3,
        bind: "10.0.0.11",
        servers: ["10.0.0.11", "10.0.0.12", "10.0.0.13"],
        gossipKey: "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        vault: {},
      },
      given: { commands: { nomad: {} }, files: { [DIRECTORY]: { directory: true } } },
    },
    {
      title: "a client that jobs find by its environment",
      key: "web-1",
      params: {
        mode: "client",
        servers: ["10.0.0.11"],
        meta: { env: "production", role: "web" },
        hostVolumes: { media: { path: "/srv/media", mode: "0750" } },
        plugins: { rawExec: true },
        reserved: { memoryMb: 1024 },
      },
      given: { commands: { nomad: {} }, files: { [DIRECTORY]: { directory: true } } },
    },
  ],
});

/** Why the files cannot be changed now: what runs here would not outlive what is changed. */
async function disruption(want: Agent, { files, services, http }: ReadHost): Promise<string | undefined> {
  const text = await readIfThere(files, PLAIN);
  if (text === undefined) return undefined;
  const settings = disruptiveIn(settingsIn(text), settingsOf(want));
  if (settings.length === 0 || (await services.status(UNIT)).active !== "active") return undefined;
  const at = { ...(await ownPlace(files)), token: want.operatorToken };
  const id = nodeIdOf(await selfOf(http, at));
  const running = id === undefined ? [] : (await allocsOn(http, at, id)).filter((one) => !isOfSystem(one));
  if (running.length === 0) return undefined;
  const jobs = [...new Set(running.map(({ JobID: job }) => job))].toSorted().slice(0, 5).join(", ");
  return (
    `a change of ${settings.join(", ")} would cut off what runs here (${running.length}: ${jobs}): ` +
    "`nomad.drain` this node first, and `nomad.undrain` it afterwards"
  );
}
