/** Guards: whether there is anything to do, asked of the machine without touching it. */
import { BomaError } from "@boma/protocol";

import type { CatalogEntry } from "../catalog/catalog.ts";
import type { Guard } from "../declaration.ts";
import { type Ports, readHost, type ReadHost } from "../host/host.ts";
import { type Outcome, unknown } from "./outcome.ts";

const NOT_FOUND = 127;

export const isGuarded = ({ creates, onlyIf, unless }: CatalogEntry): boolean =>
  creates !== undefined || onlyIf !== undefined || unless !== undefined;

/** `undefined`: nothing speaks against it. With `hangsOn` a guard may answer otherwise once that has changed. */
export async function guarded(
  entry: CatalogEntry,
  ports: Ports,
  hangsOn: string | undefined,
): Promise<Outcome | undefined> {
  if (!isGuarded(entry)) return undefined;
  const host = readHost(ports);
  const undecided = (guard: string): Outcome =>
    unknown(`${guard} cannot be decided before ${hangsOn} has changed`, hangsOn!);
  if (entry.creates && (await allExist(entry.creates, host)))
    return done(`skipped: ${entry.creates.join(", ")} exists`);
  for (const [name, guards] of [
    ["onlyIf", entry.onlyIf ?? []],
    ["unless", entry.unless ?? []],
  ] as const)
    for (const guard of guards) {
      const said = `${name} \`${wordsOf(guard)}\``;
      const exitCode = await exitOf(guard, host, hangsOn);
      const isOpen = hangsOn !== undefined && (exitCode === undefined || exitCode === NOT_FOUND);
      if (isOpen) return undecided(said);
      if (name === "unless" && exitCode === 0) return done(`skipped: ${said} is satisfied`);
      if (name === "onlyIf" && exitCode !== 0)
        return hangsOn === undefined ? done(`skipped: ${said} is not satisfied`) : undecided(said);
    }
  return undefined;
}

const done = (comment: string): Outcome => ({ result: "ok", changes: {}, comment, guarded: true });

async function allExist(paths: readonly string[], { files }: ReadHost): Promise<boolean> {
  for (const path of paths) if (!(await files.stat(path))) return false;
  return true;
}

/** `undefined` where it could not be asked, and may be later. */
async function exitOf(
  guard: Guard,
  { commands }: ReadHost,
  hangsOn: string | undefined,
): Promise<number | undefined> {
  const command = typeof guard === "string" ? { argv: [guard], shell: true } : { argv: guard };
  try {
    const { exitCode, signal } = await commands.read(command);
    if (exitCode !== null) return exitCode;
    throw new BomaError("state/command-failed", `the guard ${wordsOf(guard)} was ended by ${signal}`);
  } catch (thrown) {
    if (hangsOn === undefined) throw thrown;
    return undefined;
  }
}

const wordsOf = (guard: Guard): string => (typeof guard === "string" ? guard : guard.join(" ")).slice(0, 200);
