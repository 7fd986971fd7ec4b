import { BomaError } from "@boma/protocol";
import { z } from "zod";

import type { Change, Changes } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import type { ReadHost } from "../../host/host.ts";
import type { Wanted } from "../../host/packages.ts";
import { choices, optionsOf, RefreshAfter, Version } from "../pkg/parameters.ts";
import { findPackage, isVersion, planFresh } from "../pkg/plan.ts";
import { infoIfUp } from "./api.ts";

/** A package to its version, and `hold of NAME` to whether it is held. */
type Properties = Record<string, string | boolean>;

const HOLD = "hold of ";
const DOCKER = "docker.io";
const CONTAINERD = "containerd";

const params = z.strictObject({
  name: z.literal("node").describe("Always `node`: a machine has one daemon of Docker."),
  version: Version.optional().describe("The version of docker.io; whatever is there where it is not said."),
  containerd: Version.optional().describe("The version of containerd."),
  refreshAfter: RefreshAfter,
  allowDowngrade: choices.allowDowngrade,
  lockTimeout: choices.lockTimeout,
});
type Want = z.output<typeof params>;

/**
 * An upgrade of containerd alone stops Docker, and nobody starts it again: they are held, and change in one call of
 * apt. Nothing is started or restarted by it; that is for those who watch this.
 */
export default defineState({
  name: "docker.installed",
  summary: "Docker and containerd of the distribution, held, and upgraded together or not at all.",
  stage: "docker",
  key: "name",
  platforms: ["Debian"],
  params,
  claims: () => [DOCKER, CONTAINERD].flatMap((name) => [`pkg:${name}`, `pkg-hold:${name}`]),
  timeoutMs: 30 * 60_000,

  async check(want, { packages }) {
    const installed = await packages.installed();
    const changes: Record<string, Change<string | boolean>> = {};
    for (const { name, version } of wantedOf(want)) {
      const found = findPackage(installed, name);
      const isRight = found?.whole && (version === undefined || isVersion(found.version, version));
      if (!isRight) changes[name] = { from: found?.version, to: version ?? "newest" };
      if (!found?.held) changes[HOLD + name] = { from: false, to: true };
    }
    return changes as Changes<Properties>;
  },

  blocked: outage,

  async apply(changes, want, host) {
    const { packages } = host;
    const wrong = wantedOf(want).filter(({ name }) => name in changes);
    if (wrong.length > 0) {
      const why = await outage(want, host);
      if (why !== undefined) throw new BomaError("state/blocked", why);
      // Both, so that apt does not take one along to where the other cannot follow.
      const options = { ...optionsOf({ ...OPTIONS, ...want }), allowChangeHeld: true };
      const asked = { wanted: wantedOf(want), options, ownHold: true };
      await planFresh(packages, asked, want.refreshAfter);
      await packages.install(wantedOf(want), options);
    }
    await packages.hold([DOCKER, CONTAINERD], true);
  },

  examples: [
    { title: "what the distribution has, held", key: "node", given: { services: { docker: {} } } },
    {
      title: "both to another version, in one step",
      key: "node",
      params: { version: "20.10.24+dfsg1-1+deb12u1", containerd: "1.6.20~ds1-1+deb12u1" },
      given: { packages: { [DOCKER]: "20.10.5+dfsg1-1", [CONTAINERD]: "1.4.13~ds1-1" }, held: [DOCKER] },
    },
  ],
});

const OPTIONS = z.strictObject(choices).parse({ startServices: false });

const wantedOf = ({ version, containerd }: Want): Wanted[] => [
  { name: DOCKER, version },
  { name: CONTAINERD, version: containerd },
];

/** Why it cannot be another version now: the scripts of the packages stop what they replace. */
async function outage(want: Want, host: ReadHost): Promise<string | undefined> {
  const installed = await host.packages.installed();
  const isUpgrade = wantedOf(want).some(({ name, version }) => {
    const found = findPackage(installed, name);
    return found?.whole && version !== undefined && !isVersion(found.version, version);
  });
  const info = isUpgrade ? await infoIfUp(host) : undefined;
  if (!info || info.ContainersRunning === 0 || info.LiveRestoreEnabled) return undefined;
  return `${info.ContainersRunning} containers run, and would end with the daemon: declare \`liveRestore\` first, or stop them (\`nomad.drain\` where Nomad has placed them)`;
}
