/** What `apt-get --simulate` says that it would do. */
import type { PackagePlan, PackageStep } from "@boma/states/core";
import { compareVersions } from "@boma/states/core";

/** `Inst NAME [OLD] (NEW ORIGINS [ARCH]) […]`: the old version is not there for a package that is new. */
const INSTALL = /^Inst (\S+)(?: \[([^\]]+)\])? \((\S+)[ )]/;
const REMOVE = /^(?:Remv|Purg) (\S+)/;

export function parseSimulation(text: string): PackagePlan {
  const steps: PackageStep[] = [];
  const remove = new Set<string>();
  for (const line of text.split("\n")) {
    const [, name, from, to] = INSTALL.exec(line) ?? [];
    if (name !== undefined && to !== undefined) steps.push({ name, from, to });
    const [, removed] = REMOVE.exec(line) ?? [];
    if (removed !== undefined) remove.add(removed);
  }
  const order = ({ from, to }: PackageStep): number => (from === undefined ? 0 : compareVersions(from, to));
  return {
    install: steps.filter(({ from }) => from === undefined),
    // The same version again comes from another build of it, and counts as newer.
    upgrade: steps.filter((step) => step.from !== undefined && order(step) <= 0),
    downgrade: steps.filter((step) => order(step) > 0),
    // apt removes to install another version of the same name only where it says so by Inst.
    remove: [...remove],
  };
}

/** The candidates in what `apt-cache policy` prints. */
export function parsePolicy(text: string): ReadonlyMap<string, string> {
  const candidates = new Map<string, string>();
  let name: string | undefined;
  for (const line of text.split("\n")) {
    name = /^(\S+):$/.exec(line)?.[1] ?? name;
    const candidate = /^ {2}Candidate: (\S+)$/.exec(line)?.[1];
    if (name !== undefined && candidate !== undefined && candidate !== "(none)")
      candidates.set(name, candidate);
  }
  return candidates;
}
