/** The parts of looking after the catalog, put together on this agent's machine. */
import type { Machine } from "../host/hosts.ts";
import type { Journal } from "../journal.ts";
import type { Policy } from "../policy.ts";
import { systemJournal } from "../sources/journal.ts";
import { watchPaths } from "../sources/paths.ts";
import { Drift, type DriftOptions } from "./drift.ts";
import { settingsIn } from "./settings.ts";

/** By this name a node's own policy forbids that anything is put right by itself. */
const ENFORCE = "drift.enforce";

type Given = Omit<DriftOptions, "settings" | "witnesses" | "mayEnforce" | "root" | "sources" | "duties"> & {
  readonly machine: Machine;
  readonly duties: DriftOptions["duties"] & Parameters<typeof settingsIn>[0];
  readonly policy: Policy;
  readonly journal: Pick<Journal, "corrupt">;
};

export function makeDrift({ machine, policy, journal, ...given }: Given): Drift {
  return new Drift({
    ...given,
    root: machine.root,
    settings: () => settingsIn(given.duties),
    witnesses: (signal) => ({
      root: machine.root,
      commands: machine.ports({ signal, line: () => undefined }).commands.read,
    }),
    mayEnforce() {
      policy.check(ENFORCE, "write");
      if (journal.corrupt) throw new Error("this node's journal is damaged: it changes nothing by itself");
    },
    sources: {
      paths: (paths, changed) => watchPaths(paths, changed),
      // Below a root there are no units of its own.
      units: (units, changed) =>
        machine.confined ? { stop: () => undefined } : systemJournal.watchUnits(units, changed),
    },
  });
}
