import { BomaError } from "@boma/protocol";

import type { Change, Changes } from "../../changes.ts";
import { isSame } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import type { Host, ReadHost } from "../../host/host.ts";
import type { Settings } from "../daemon/settings.ts";
import { writeBelow } from "../owned-file.ts";
import { infoIfUp, isUp } from "./api.ts";
import { partsOf } from "./change-class.ts";
import { fileText, find, type Found, keepOurs, noteOurs, together } from "./daemon-file.ts";
import { type Daemon, DaemonParams, needsOf, settingsOf, warningsOf } from "./daemon-settings.ts";
import { isUnits } from "./directives.ts";
import { examples } from "./examples.ts";
import { keepBefore } from "./keep-before.ts";
import { FILE, UNIT } from "./parameters.ts";
import { strandedBy } from "./storage.ts";
import { isTaken, noteTaken, takeUp } from "./take-up.ts";
import { prove } from "./validate.ts";

interface Properties {
  /** What a restart brings into force. */
  readonly start: string;
  /** What the daemon takes up while it runs. */
  readonly live: string;
  /** Who may read it, or how it is written. */
  readonly form: string;
  /** Whether the daemon was told. */
  readonly taken: boolean;
}

const FORM = "root:root 0644, as boma writes it";

export default defineState({
  name: "docker.daemon",
  summary: "The settings of Docker's daemon, all of them; it takes them up where it can.",
  stage: "docker",
  key: "name",
  params: DaemonParams,
  platforms: ["Debian"],
  claims: () => ["docker:daemon", `file:${FILE}`],
  after: () => ["file:/etc/docker", "pkg:docker.io", "pkg:containerd"],
  needs: needsOf,
  warnings: warningsOf,
  async check(want, { files }) {
    const { found, to } = await lookAt(want, files);
    const [was, is] = [partsOf(found.settings, to), partsOf(to)];
    const form = await formOf(found, to, files);
    return {
      ...differing("start", found, was.start, is.start),
      ...differing("live", found, was.live, is.live),
      ...(form === FORM ? {} : { form: { from: form, to: FORM } }),
      ...((await isTaken(files, is.live)) ? {} : { taken: { from: false, to: true } }),
    } as Changes<Properties>;
  },

  refreshes: ({ start }) => start !== undefined,
  blocked: obstacleTo,

  async apply({ start, live, form }, want, host) {
    const obstacle = await obstacleTo(want, host);
    if (obstacle !== undefined) throw new BomaError("state/blocked", obstacle);
    const { files } = host;
    const { found, declared, to } = await lookAt(want, files);
    if (start || live || form) {
      await prove(host, to);
      if (start) await keepBefore(host, found.text);
      await noteOurs(files, declared);
      await writeBelow(files, FILE, fileText(to));
      await files.chown(FILE, { owner: "root", group: "root" });
    }
    if (await isUp(host))
      await takeUpOrTakeBack(host, partsOf(to).live, start || live || form ? found : undefined);
    await keepOurs(files, declared);
    await noteTaken(files, partsOf(to).live);
  },

  examples,
});

async function lookAt(
  want: Daemon,
  files: ReadHost["files"],
): Promise<{ readonly found: Found; readonly declared: Settings; readonly to: Settings }> {
  const declared = settingsOf(want);
  const found = await find(files, declared);
  return { found, declared, to: want.adopt ? together(declared, found) : declared };
}

function differing(
  name: "start" | "live",
  { text, isBroken }: Found,
  was: Settings,
  is: Settings,
): { readonly [name]?: Change<string> } {
  if (text !== undefined && !isBroken && isSame(was, is)) return {};
  return {
    [name]: { from: text === undefined ? undefined : isBroken ? text : fileText(was), to: fileText(is) },
  };
}

async function formOf(found: Found, to: Settings, files: ReadHost["files"]): Promise<string> {
  const stat = await files.stat(FILE);
  // What is not there yet differs in all that it says; how it is written comes with it.
  if (!stat || !isSame(found.settings, to)) return FORM;
  if (stat.type !== "file") throw new BomaError("state/wrong-type", `${FILE} is a ${stat.type}, not a file`);
  const { owner, group, mode } = stat;
  if (owner !== "root" || group !== "root" || mode !== "0644") return `${owner}:${group} ${mode}`;
  return found.text === fileText(to) ? FORM : "written in another way";
}

async function obstacleTo(want: Daemon, host: ReadHost): Promise<string | undefined> {
  const { found, to } = await lookAt(want, host.files);
  if (found.isBroken) return `${FILE} is no JSON, and so nobody knows what it was to say: move it away`;
  const units = Object.keys(found.settings).filter((name) => isUnits(name));
  if (units.length > 0)
    return `${FILE} has ${units.join(", ")}, which the unit of Debian passes: Docker does not start where both say it, and is not to be reached over the network. Take it out`;
  if (found.foreign.length > 0 && !want.adopt)
    return `${FILE} has settings that nobody declared: ${found.foreign.join(", ")}. Declare them (\`extra\` takes any), or say \`adopt: true\` to leave them as they are`;
  const swarm = (await infoIfUp(host))?.Swarm?.LocalNodeState ?? "inactive";
  if (want.liveRestore && swarm !== "inactive")
    return `this daemon is in a swarm (${swarm}), which cannot have \`liveRestore\`: declare it as false, or leave the swarm`;
  return strandedBy(host, found.settings, to);
}

/** A file that the daemon cannot read would end it at its next start: the one before comes back. */
async function takeUpOrTakeBack(host: Host, live: Settings, before: Found | undefined): Promise<void> {
  try {
    await takeUp(host, live);
  } catch (thrown) {
    // A run that is ended leaves it to the next one: nobody has said no.
    if (!before || !(thrown instanceof BomaError)) throw thrown;
    if (before.text === undefined) await host.files.remove(FILE);
    else await host.files.write(FILE, before.text);
    await host.services.reload(UNIT).catch(() => undefined);
    throw new BomaError("docker/config", `${thrown.message}\n${FILE} is as it was before`, { cause: thrown });
  }
}
