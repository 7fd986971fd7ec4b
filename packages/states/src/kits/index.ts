/** What belongs together, as functions that give the declarations. */
export * from "./chrony.ts";
export * from "./consul.ts";
export * from "./docker.ts";
export * from "./fail2ban.ts";
export * from "./firewall.ts";
export * from "./hashicorp.ts";
export * from "./ceph.ts";
export * from "./nat.ts";
export * from "./network.ts";
export * from "./nomad.ts";
export * from "./nomad-vault.ts";
export * from "./ssh.ts";
export * from "./vault.ts";
