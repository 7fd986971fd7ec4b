import { type Changes, diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import type { Host } from "../../host/host.ts";
import { differs } from "../daemon/json-file.ts";
import { loadedMark } from "../daemon/loaded.ts";
import { readIfThere } from "../owned-file.ts";
import { assertCertificates } from "./certificates.ts";
import { install, liveFile } from "./config-files.ts";
import { liveOf, type LiveSettings, SettingsParams } from "./live-settings.ts";
import { settingsIn } from "./own-place.ts";
import { DIRECTORY, GROUP, LIVE } from "./parameters.ts";
import { reload } from "./reload.ts";

const { isLoaded, noteLoaded } = loadedMark("/var/lib/boma/nomad/settings-loaded");

/** Names of parameters, so that they are shown beside a token. */
interface Properties {
  logLevel: string;
  tls: object;
  /** What it runs with, or who may read its file. */
  node: string;
}

const TAKEN = "has taken up what is declared";

const draftsOf = (want: LiveSettings) => [{ name: LIVE, settings: liveOf(want) }];

async function take(want: LiveSettings, host: Host): Promise<void> {
  await reload(host, want);
  await noteLoaded(host.files, draftsOf(want));
}

export default defineState({
  name: "nomad.settings",
  summary: "What a Nomad agent takes up while it runs; it is told to, and did.",
  stage: "nomad",
  key: "node",
  params: SettingsParams,
  secretive: ["token"],
  claims: () => ["nomad:settings", `file:${LIVE}`],
  after: ({ tls }) => [
    `file:${DIRECTORY}`,
    "pkg:nomad",
    `group:${GROUP}`,
    "nomad:agent",
    ...(tls ? [tls.caFile, tls.certFile, tls.keyFile].map((path) => `file:${path}`) : []),
  ],

  async check(want, { files }): Promise<Changes<Properties>> {
    const to = liveOf(want);
    const file = await differs(files, liveFile(to));
    const is = settingsIn(await readIfThere(files, LIVE));
    const parts = diff<Omit<Properties, "node">>(
      { logLevel: textIn(is["log_level"]), tls: (is["tls"] ?? {}) as object },
      { logLevel: want.logLevel, tls: (to["tls"] ?? {}) as object },
    );
    if (Object.keys(parts).length > 0) return parts;
    if (!file && (await isLoaded(files, draftsOf(want)))) return {};
    return { node: { from: file ? "its file is another one" : "was not told yet", to: TAKEN } };
  },

  async apply(_, want, host) {
    await assertCertificates(host.files, want.tls);
    const file = liveFile(liveOf(want));
    if (await differs(host.files, file)) await install(host, [file]);
    await take(want, host);
  },

  /** Certificates that it watches are other ones now. */
  refresh: take,

  examples: [
    {
      title: "more in the log, for a while",
      key: "web-1",
      params: { logLevel: "debug" },
      given: {
        commands: { nomad: {} },
        files: { [DIRECTORY]: { directory: true } },
        services: { nomad: {} },
      },
    },
  ],
});

const textIn = (value: unknown): string => (typeof value === "string" ? value : "");
