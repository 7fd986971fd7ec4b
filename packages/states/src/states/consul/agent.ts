import type { Changes } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import { AgentParams, needsOf, secretsOf, settingsOf, type Agent } from "./agent-settings.ts";
import { type ConfigFile, differs, differsInSecret, install, pathOf } from "./config-files.ts";
import { assertNoConflict } from "./other-files.ts";
import { DIRECTORY, GROUP } from "./parameters.ts";

const PLAIN = "boma.json";
const SECRET = "boma-secrets.json";

/** Whole texts: what they differ in is shown as lines. The second holds no secret, only that it differs. */
interface Properties {
  settings: string;
  initialManagement: string;
}

const filesFor = (want: Agent): { readonly plain: ConfigFile; readonly secret: ConfigFile } => ({
  plain: { name: PLAIN, settings: settingsOf(want) },
  secret: { name: SECRET, settings: secretsOf(want) },
});

export default defineState({
  name: "consul.agent",
  summary: "What a Consul agent reads when it starts; its unit watches this.",
  stage: "consul",
  key: "node",
  params: AgentParams,
  secretive: ["initialManagement"],
  claims: () => ["consul:agent", `file:${pathOf(PLAIN)}`, `file:${pathOf(SECRET)}`],
  after: () => [`file:${DIRECTORY}`, "pkg:consul", `group:${GROUP}`],
  needs: needsOf,
  warnings: ({ mode, bootstrapExpect = 1 }) =>
    mode === "server" && bootstrapExpect % 2 === 0
      ? [`${bootstrapExpect} servers bear no more failures than ${bootstrapExpect - 1}`]
      : [],

  async check(want, { files }) {
    const { plain, secret } = filesFor(want);
    await assertNoConflict(files, plain.settings);
    const changes: { -readonly [K in keyof Properties]?: Changes<Properties>[K] } = {};
    const settings = await differs(files, plain);
    const initialManagement = await differsInSecret(files, secret);
    if (settings) changes.settings = settings;
    if (initialManagement) changes.initialManagement = initialManagement;
    return changes as Changes<Properties>;
  },

  async apply({ settings, initialManagement }, want, host) {
    const { plain, secret } = filesFor(want);
    await install(host, [...(settings ? [plain] : []), ...(initialManagement ? [secret] : [])]);
  },

  examples: [
    {
      title: "one of three servers",
      key: "consul-1",
      params: {
        mode: "server",
        bootstrapExpect: 3,
        bind: "10.0.0.11",
        retryJoin: ["10.0.0.11", "10.0.0.12", "10.0.0.13"],
        acl: { defaultPolicy: "deny" },
        initialManagement: "7d5dd5a5-6e0f-4f0a-9a8c-0e6c9b1f2a33",
      },
      given: {
        commands: { consul: {} },
        files: { "/etc/consul.d/consul.hcl": '# as the package brings it\ndata_dir = "/opt/consul"\n' },
      },
    },
    {
      title: "every other machine",
      key: "web-1",
      params: { mode: "client", retryJoin: ["consul-1.lan"], exposure: { cluster: "mesh" } },
      given: { commands: { consul: {} }, files: { "/etc/consul.d": { directory: true } } },
    },
  ],
});
