/** The master: its trust root, the words that it is started with, and that it runs and answers. */
import { hostname, networkInterfaces } from "node:os";

import { MASTER_OPTIONS, optionsIn, runsWith, writeOptions } from "./defaults.ts";
import { valuesOf, withOption, withValues } from "./option-words.ts";
import { isInitialisedHome } from "./preflight.ts";
import { isActive, lastWord, master, must, mustMaster, unit } from "./programs.ts";
import type { Settings } from "./settings.ts";
import { hasSite, noteStarterSite } from "./site.ts";
import type { Step } from "./steps.ts";

const READY_MS_MAX = 120_000;

export const masterSteps = (settings: Settings): readonly Step[] => [trustRoot, options(settings), service];

const trustRoot: Step = {
  name: "trust root",
  look: async () => (isInitialisedHome() ? undefined : "there is none yet"),
  do: async () => {
    const had = hasSite();
    await mustMaster(["init"]);
    if (!had) noteStarterSite();
  },
};

const options = (settings: Settings): Step => ({
  name: "how nodes reach the master",
  look: async () => {
    const now = optionsIn(MASTER_OPTIONS);
    return wanted(now, settings).join(" ") === now.join(" ")
      ? undefined
      : `${MASTER_OPTIONS.path} does not say it`;
  },
  do: async () => writeOptions(MASTER_OPTIONS, wanted(optionsIn(MASTER_OPTIONS), settings)),
});

/** What the administrator wrote stays; a master on a server of somebody else's listens nowhere. */
function wanted(now: readonly string[], { listen, names, boot }: Settings): readonly string[] {
  if (valuesOf(now, "--nats").length > 0) return now;
  const listening = valuesOf(now, "--listen").at(-1) === listen ? now : withOption(now, "--listen", listen);
  const known = valuesOf(now, "--name");
  // The name that nodes are told first is the one that was given; addresses that come later, as a container's, stay out.
  const found = names.length > 0 ? names : known.length > 0 ? [] : [...ownAddresses(), hostname()];
  return withValues(listening, "--name", [...new Set([...found, ...(boot ? [boot.address] : [])])]);
}

const ownAddresses = (): readonly string[] =>
  Object.values(networkInterfaces()).flatMap((list) =>
    (list ?? [])
      .filter(({ internal, address }) => !internal && !address.startsWith("fe80:") && !address.includes("%"))
      .map(({ address }) => address),
  );

const service: Step = {
  name: "boma-master.service",
  waitMs: READY_MS_MAX,
  look: async () => {
    for (const name of ["boma-master.path", "boma-master.service"])
      if ((await unit(name, "UnitFileState")) !== "enabled") return `${name} is not enabled`;
    if (!(await isActive("boma-master.service")))
      return `it does not run${await lastWord("boma-master.service")}`;
    if (!(await runsWith(MASTER_OPTIONS))) return "it runs with other options";
    const { code, stderr } = await master(["status"]);
    return code === 0 ? undefined : `it does not answer: ${stderr.trim().split("\n")[0]}`;
  },
  do: async () => {
    await must(["systemctl", "enable", "--quiet", "boma-master.path", "boma-master.service"]);
    await must(["systemctl", "start", "boma-master.path"]);
    await must(["systemctl", "restart", "boma-master.service"]);
  },
};
