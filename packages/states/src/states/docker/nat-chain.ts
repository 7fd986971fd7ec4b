/** Whether the rules are there by which Docker sends on what is published: who empties all tables takes them away. */
import type { ReadHost } from "../../host/host.ts";
import { readIfThere } from "../owned-file.ts";
import { FILE } from "./parameters.ts";

/** `unknown`: the program that Docker itself uses for it is not there. */
export type Nat = "there" | "gone" | "unmanaged" | "unknown";

const NO_PROGRAM = 127;
const LISTING_BYTES_MAX = 8 * 1024 * 1024;

export async function natOf(host: ReadHost, backend = "iptables"): Promise<Nat> {
  if (!(await makesRules(host))) return "unmanaged";
  return backend.startsWith("nftables") ? natByNft(host) : natByIptables(host);
}

async function makesRules({ files }: ReadHost): Promise<boolean> {
  try {
    const { iptables } = JSON.parse((await readIfThere(files, FILE)) ?? "{}") as {
      readonly iptables?: unknown;
    };
    return iptables !== false;
  } catch {
    return true;
  }
}

/** By nft where that is below it: the newer iptables makes empty chains of its own where it should only list. */
async function natByIptables({ commands }: ReadHost): Promise<Nat> {
  const { exitCode, stdout: version } = await commands.read({ argv: ["iptables", "--version"] });
  if (exitCode === NO_PROGRAM) return "unknown";
  const isLegacy = !version.includes("nf_tables");
  const argv = isLegacy ? ["iptables", "--wait", "-t", "nat", "-S"] : ["nft", "list", "table", "ip", "nat"];
  const listed = await commands.read({ argv, keepBytes: LISTING_BYTES_MAX });
  if (listed.exitCode === NO_PROGRAM) return "unknown";
  const isThere = /^\s*(?:-N|chain) DOCKER\b(?!-)/m.test(listed.stdout);
  return isThere && /(?:-j|jump) DOCKER$/m.test(listed.stdout) ? "there" : "gone";
}

/** Since version 29 it can make them without iptables, in tables of its own. */
async function natByNft({ commands }: ReadHost): Promise<Nat> {
  const { exitCode } = await commands.read({ argv: ["nft", "list", "table", "ip", "docker-bridges"] });
  return exitCode === NO_PROGRAM ? "unknown" : exitCode === 0 ? "there" : "gone";
}
