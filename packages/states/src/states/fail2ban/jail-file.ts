/** The file of a jail. `.local` files are read after all others, so that what stands here counts. */
import { parseDuration } from "@boma/protocol";

import { managedText } from "../owned-file.ts";

export interface Jail {
  readonly name: string;
  readonly filter?: string | undefined;
  readonly ports: readonly (string | number)[];
  readonly maxRetry: number;
  readonly findTime: string;
  readonly banTime: string;
  readonly ignore: readonly string[];
  readonly journalMatch?: string | undefined;
}

const ITSELF = ["127.0.0.0/8", "::1"];

export const pathOf = (name: string): string => `/etc/fail2ban/jail.d/boma-${name}.local`;

const secondsOf = (duration: string): number => Math.round(parseDuration(duration) / 1000);
const ignoredBy = ({ ignore }: Jail): readonly string[] => [...new Set([...ITSELF, ...ignore])].toSorted();

/** What the daemon goes by, in the words in which it is asked for it. */
export const numbersOf = (jail: Jail): string =>
  `${jail.maxRetry} in ${secondsOf(jail.findTime)} s, ${secondsOf(jail.banTime)} s; never ${ignoredBy(jail).join(" ")}`;

export function fileText(jail: Jail): string {
  const rows: [string, string | number | undefined][] = [
    ["enabled", "true"],
    ["filter", jail.filter ?? jail.name],
    // Debian has no log files of its own any more; in the jail, for others may read files.
    ["backend", "systemd"],
    ["journalmatch", jail.journalMatch],
    ["port", jail.ports.join(",")],
    ["maxretry", jail.maxRetry],
    ["findtime", secondsOf(jail.findTime)],
    ["bantime", secondsOf(jail.banTime)],
    ["ignoreself", "true"],
    ["ignoreip", ignoredBy(jail).join(" ")],
    ["banaction", "nftables-multiport"],
    ["banaction_allports", "nftables-allports"],
  ];
  const lines = rows
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name} = ${value}\n`);
  return managedText(`[${jail.name}]\n${lines.join("")}`);
}
