import { BomaError, parseDuration } from "@boma/protocol";
import { z } from "zod";

import { diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import type { Host, ReadHost } from "../../host/host.ts";
import { aboveOf } from "../file/parameters.ts";
import { readIfThere, writeBelow } from "../owned-file.ts";
import { safeTableOf, tableOf } from "./build.ts";
import { examples } from "./examples.ts";
import { DOCKER_UNIT, dockerUnitText, RULES, SAFE, UNIT, UNIT_TEXT, unitPath } from "./files.ts";
import { lockedOut } from "./flows.ts";
import { load, loadedLines, undoOf } from "./kernel-table.ts";
import { assertNatStays, natIfUp } from "./nat-stays.ts";
import { FLUSHER, isUfwOn, obstacleOn, UFW_OFF } from "./obstacles.ts";
import { contradictions, shape, type Want } from "./parameters.ts";
import { placesOf } from "./rules.ts";
import { fileText, linesOf } from "./table.ts";

interface Properties {
  /** What the kernel has, a line for each rule. */
  readonly table: readonly string[];
  /** What it gets at the next boot. */
  readonly kept: boolean;
  /** What it gets where that cannot be loaded. */
  readonly safe: boolean;
  readonly unit: string;
  readonly docker: string;
  /** What empties all tables can be started by nobody. */
  readonly flusher: string;
  /** The firewall whose place this takes. */
  readonly ufw: string;
}

const NOTES = ["Kept by boma: firewall.filter(node). What is changed here by hand is changed back."];
const SAFE_NOTES = [...NOTES, "Loaded at boot where boma.nft cannot be."];

const params = z.strictObject(shape).superRefine((want, context) => {
  const wrong = contradictions(want);
  const closed = wrong.length > 0 ? [] : lockedOut(want).map((why) => ["rules", why] as const);
  for (const [path, message] of [...wrong, ...closed])
    context.addIssue({ code: "custom", path: [path], message });
});

export default defineState({
  name: "firewall.filter",
  summary: "A firewall that lets in what is declared and nothing else, in a table of its own.",
  key: "name",
  params,
  platforms: ["Debian"],
  stage: "firewall",
  claims: ({ nat }) => [
    "nft:inet/boma",
    `file:${RULES}`,
    `file:${SAFE}`,
    ...[UNIT, ...(nat ? [DOCKER_UNIT] : [])].flatMap((unit) => [`unit:${unit}`, `file:${unitPath(unit)}`]),
    `unit:${FLUSHER}`,
  ],
  after: () => ["pkg:nftables", ...aboveOf(RULES)],
  gathers: (want, needs) => ({ ...want, needs: [...needs].sort(byOwner) }),
  warnings: warningsOf,
  // Longer than anybody may take to confirm.
  timeoutMs: 15 * 60_000,

  async check(want, host) {
    return diff<Properties>(await lookAt(want, host), {
      table: linesOf(tableOf(want)),
      kept: true,
      safe: true,
      unit: "enabled",
      docker: want.nat ? "enabled" : undefined,
      flusher: "masked",
      ufw: want.ufw === "migrate" ? "off" : undefined,
    } as Properties);
  },

  blocked: (want, host) => obstacleOn(host, want),

  async apply({ table, kept, safe, unit, docker, flusher, ufw }, want, host) {
    const obstacle = await obstacleOn(host, want);
    if (obstacle !== undefined) throw new BomaError("state/blocked", obstacle);
    const text = fileText(tableOf(want), NOTES);
    if (flusher) await host.services.mask(FLUSHER);
    const before = await natIfUp(host);
    if (table) await load(host, text);
    // On the disk after it is in the kernel: what cannot be loaded must not wait for the next boot.
    if (kept) await writeBelow(host.files, RULES, text, "0600");
    if (safe) await writeBelow(host.files, SAFE, fileText(safeTableOf(want), SAFE_NOTES), "0600");
    if (unit) await enable(host, UNIT, UNIT_TEXT);
    // It loads the same once more, and can be told to reload from then on.
    if (unit) await host.services.start(UNIT);
    if (docker) await enable(host, DOCKER_UNIT, dockerUnitText(want.nat!));
    if (docker && (await isUp(host, "docker.service"))) await host.services.restart(DOCKER_UNIT);
    // At last: until here two firewalls let in what both of them do, and nobody was without one.
    if (ufw) await host.commands.must({ argv: UFW_OFF });
    await assertNatStays(before, host);
  },

  confirm: {
    withinMs: ({ confirmWithin }) => parseDuration(confirmWithin),
    undo: (want, host) => undoOf(host, want),
  },
  examples,
});

async function lookAt(want: Want, host: ReadHost): Promise<Partial<Properties>> {
  const { files, services } = host;
  const { load: flusher } = await services.status(FLUSHER);
  return {
    table: await loadedLines(host),
    kept: (await readIfThere(files, RULES)) === fileText(tableOf(want), NOTES),
    safe: (await readIfThere(files, SAFE)) === fileText(safeTableOf(want), SAFE_NOTES),
    unit: await stateOf(host, UNIT, UNIT_TEXT),
    docker: want.nat && (await stateOf(host, DOCKER_UNIT, dockerUnitText(want.nat))),
    // What is not there cannot be started either.
    flusher: flusher === "not-found" ? "masked" : flusher,
    ufw: (await isUfwOn(host)) ? "on" : "off",
  } as Partial<Properties>;
}

async function stateOf({ files, services }: ReadHost, unit: string, text: string): Promise<string> {
  const now = await readIfThere(files, unitPath(unit));
  if (now === undefined) return "missing";
  const { enabled, needsDaemonReload } = await services.status(unit);
  return now === text && !needsDaemonReload ? enabled : "outdated";
}

async function enable({ files, services }: Host, unit: string, text: string): Promise<void> {
  await writeBelow(files, unitPath(unit), text);
  await services.daemonReload();
  await services.enable(unit);
}

const isUp = async ({ services }: ReadHost, unit: string): Promise<boolean> =>
  (await services.status(unit)).active === "active";

const byOwner = (a: Want["needs"][number], b: Want["needs"][number]): number =>
  textOf(a) < textOf(b) ? -1 : 1;
const textOf = ({ owner, name, proto, port }: Want["needs"][number]): string =>
  [owner, name, proto, port].join(" ");

function warningsOf(want: Want): readonly string[] {
  const { sshFrom, meshInterfaces, breakGlass } = want.control;
  const nobody = sshFrom.length === 0 && meshInterfaces.length === 0 && !breakGlass;
  const unmet = want.needs.filter(
    ({ exposure }) => exposure !== "none" && placesOf(exposure, want).length === 0,
  );
  return [
    ...(nobody ? ["nobody can log in over the network: `control` names no way in"] : []),
    ...unmet.map(
      ({ owner, name, exposure }) =>
        `${owner} needs ${name} open to the ${exposure}, and \`zones\` does not say what that is: it stays closed`,
    ),
    ...(want.output?.policy === "drop" && want.output.resolvers.length === 0
      ? ["no name can be looked up: `output.resolvers` is empty"]
      : []),
  ];
}
