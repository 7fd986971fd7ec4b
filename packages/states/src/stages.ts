/** The order in which a fleet comes up: what must stand before what. */

/** From the ground up; a cold stop goes the other way. */
export const STAGES = [
  "time",
  "network",
  "firewall",
  "disks",
  "docker",
  "consul",
  "vault",
  "nomad",
  "storage",
  "apps",
  "proxy",
] as const;
export type Stage = (typeof STAGES)[number];

/** What a stage stands on where its declarations do not say it. Storage on bare metal needs no scheduler, and no containers. */
const STANDS_ON: Readonly<Record<Stage, readonly Stage[]>> = {
  time: [],
  network: [],
  firewall: ["network"],
  disks: [],
  docker: ["firewall"],
  consul: ["time", "network", "firewall"],
  vault: ["time", "network", "firewall"],
  nomad: ["time", "network", "firewall", "docker"],
  storage: ["time", "network", "firewall", "disks"],
  apps: ["nomad", "storage"],
  proxy: ["apps"],
};

export const standsOn = (stage: Stage): readonly Stage[] => STANDS_ON[stage];
