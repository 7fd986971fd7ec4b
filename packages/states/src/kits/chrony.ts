/** The time: chrony in the place of systemd-timesyncd, its settings, and a gate for what needs a clock that is right. */
import type { z } from "zod";

import type { Declaration } from "../declaration.ts";
import config from "../states/chrony/config.ts";
import pkgInstalled from "../states/pkg/installed.ts";
import synced from "../states/time/synced.ts";

type Config = z.input<(typeof config)["spec"]["params"]>;
type Gate = z.input<(typeof synced)["spec"]["params"]>;

export interface Chrony extends Omit<Config, "name"> {
  /** How long the gate waits, and how far off the clock may be. */
  readonly synced?: Omit<Gate, "name">;
}

export function chronyKit({ synced: gate = {}, ...settings }: Chrony = {}): readonly Declaration[] {
  // The package takes systemd-timesyncd away: there is one who sets the clock. It starts with our settings, not before.
  const installed = pkgInstalled("chrony", { allowRemove: true, startServices: false });
  const configured = config("node", { ...settings, require: installed });
  return [installed, configured, synced("node", { ...gate, require: configured })];
}
