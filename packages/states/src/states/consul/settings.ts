import type { Changes } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import type { Host } from "../../host/host.ts";
import { loadedMark } from "../daemon/loaded.ts";
import { type ConfigFile, differs, differsInSecret, install, pathOf } from "./config-files.ts";
import { liveOf, liveSecretsOf, type LiveSettings, SettingsParams } from "./live-settings.ts";
import { assertNoConflict } from "./other-files.ts";
import { DIRECTORY, GROUP } from "./parameters.ts";
import { reload } from "./reload.ts";

const { isLoaded, noteLoaded } = loadedMark("/var/lib/boma/consul/settings-loaded");

const PLAIN = "boma-settings.json";
const SECRET = "boma-settings-secrets.json";

interface Properties {
  settings: string;
  /** That one of the secrets differs, never what it is. */
  tokens: string;
  loaded: boolean;
}

const filesFor = (want: LiveSettings): readonly [ConfigFile, ConfigFile] => [
  { name: PLAIN, settings: liveOf(want) },
  { name: SECRET, settings: liveSecretsOf(want) },
];

/** Its own way in needs no server that could check a token. */
async function take(want: LiveSettings, host: Host): Promise<void> {
  await reload(host, { api: want.api, ca: want.ca, token: want.tokens?.agentRecovery });
  await noteLoaded(host.files, filesFor(want));
}

export default defineState({
  name: "consul.settings",
  summary: "What a Consul agent takes up while it runs; it is told to, and did.",
  stage: "consul",
  key: "node",
  params: SettingsParams,
  secretive: ["gossipKey", "tokens"],
  claims: () => ["consul:settings", `file:${pathOf(PLAIN)}`, `file:${pathOf(SECRET)}`],
  after: ({ tls }) => [
    `file:${DIRECTORY}`,
    "pkg:consul",
    `group:${GROUP}`,
    "consul:agent",
    ...[tls?.caFile, tls?.certFile, tls?.keyFile].flatMap((path) =>
      path === undefined ? [] : [`file:${path}`],
    ),
  ],

  async check(want, { files }) {
    const [plain, secret] = filesFor(want);
    await assertNoConflict(files, plain.settings);
    const changes: { -readonly [K in keyof Properties]?: Changes<Properties>[K] } = {};
    const settings = await differs(files, plain);
    const tokens = await differsInSecret(files, secret);
    if (settings) changes.settings = settings;
    if (tokens) changes.tokens = tokens;
    if (!(await isLoaded(files, [plain, secret]))) changes.loaded = { from: false, to: true };
    return changes as Changes<Properties>;
  },

  async apply({ settings, tokens }, want, host) {
    const [plain, secret] = filesFor(want);
    if (settings || tokens) await install(host, [...(settings ? [plain] : []), ...(tokens ? [secret] : [])]);
    await take(want, host);
  },

  /** Certificates that it watches are other ones now. */
  refresh: take,

  examples: [
    {
      title: "gossip that is encrypted, and a machine that can be found by its environment",
      key: "web-1",
      params: {
        gossipKey: "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        nodeMeta: { env: "production" },
        tokens: { agent: "5b2b1a9c-4f1e-4f64-8f5d-0c8f7a1b2c3d" },
      },
      given: {
        commands: { consul: {} },
        files: { "/etc/consul.d": { directory: true } },
        services: { consul: { active: true } },
        http: { "PUT http://127.0.0.1:8500/v1/agent/reload": {} },
      },
    },
    {
      title: "certificates for everything that agents say to each other",
      key: "consul-1",
      params: {
        tls: {
          caFile: "/etc/consul.d/tls/ca.pem",
          certFile: "/etc/consul.d/tls/agent.pem",
          keyFile: "/etc/consul.d/tls/agent-key.pem",
        },
      },
      given: {
        commands: { consul: {} },
        files: { "/etc/consul.d": { directory: true } },
        services: { consul: {} },
      },
    },
  ],
});
