/** Which settings dockerd takes up when it is told to, and which only when it starts. */
import type { Settings } from "../daemon/settings.ts";

/** All others wait for a restart, also those that a later version may add to these. */
const LIVE: readonly string[] = [
  "allow-nondistributable-artifacts",
  "authorization-plugins",
  "debug",
  "default-runtime",
  "features",
  "insecure-registries",
  "labels",
  "live-restore",
  "max-concurrent-downloads",
  "max-concurrent-uploads",
  "max-download-attempts",
  "registry-mirrors",
  "runtimes",
  "shutdown-timeout",
];

export interface Parts {
  readonly live: Settings;
  readonly start: Settings;
}

/**
 * The parts of the settings on the way to others. A setting that is gone from the file keeps its value until the daemon
 * starts anew, whatever it is: what is no more belongs to the start.
 */
export function partsOf(settings: Settings, to: Settings = settings): Parts {
  const isLive = ([name]: [string, unknown]): boolean => LIVE.includes(name) && Object.hasOwn(to, name);
  const entries = Object.entries(settings);
  return {
    live: Object.fromEntries(entries.filter((entry) => isLive(entry))),
    start: Object.fromEntries(entries.filter((entry) => !isLive(entry))),
  };
}
