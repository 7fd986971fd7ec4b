/**
 * How this boot began. Uptime and boot time are left out: they change, or drift
 * with the clock, and every change would be a new revision. The boot id says it.
 */
import { ASSIGNED_ONLY, type Grains } from "@boma/protocol";

import { clean, lookUp, present, type Collector, type Source } from "./source.ts";

/** The kernel itself takes no longer line on our machines. */
const CMDLINE_BYTES_MAX = 16 * 1024;
const PARAMETERS_MAX = 256;
const MASK = "***";

/** Grains go to the master's store and to operators' screens, where no secret belongs. */
const SECRET_NAME = /token|secret|passw|passphrase|credential|api[_-]?key|private[_-]?key/i;
const URL_LOGIN = /\/\/[^\s/@]+@/g;

export const boot: Collector = {
  name: "boot",
  collect: async (source) => {
    const [id, cmdline] = await Promise.all([
      source.word("/proc/sys/kernel/random/boot_id"),
      readCmdline(source),
    ]);
    return present({ boot_id: id, kernelparams: cmdline === undefined ? undefined : kernelParams(cmdline) });
  },
};

export const readCmdline = (source: Source): Promise<string | undefined> =>
  source.text("/proc/cmdline", CMDLINE_BYTES_MAX);

/** The parameters by name: repeated ones are a list, bare ones are true, secret ones are masked. */
export function kernelParams(cmdline: string): Grains {
  const found = new Map<string, readonly (string | true)[]>();
  for (const [name, value] of parameters(cmdline)) {
    const key = clean(name)?.slice(0, 128);
    if (key === undefined) continue;
    found.set(key, [...(found.get(key) ?? []), value === undefined ? true : masked(key, value)]);
  }
  return present([...found].map(([key, values]) => [key, values.length === 1 ? values[0] : values] as const));
}

const masked = (name: string, value: string): string =>
  SECRET_NAME.test(name) ? MASK : (clean(value)?.replaceAll(URL_LOGIN, `//${MASK}@`) ?? "");

/**
 * What the command line claims this machine to be: `boma.env=dev` is `{env: "dev"}`.
 * All `boma.*` parameters but secret ones; the caller picks those it knows.
 */
export function bootClaims(cmdline: string): Grains {
  const claims = new Map<string, string>();
  for (const [name, value] of parameters(cmdline)) {
    const key = /^boma\.([a-z][a-z0-9_.-]{0,62})$/.exec(name)?.[1];
    if (key !== undefined && value !== undefined && !SECRET_NAME.test(key))
      claims.set(key, clean(value) ?? "");
  }
  return present(claims);
}

/** Of those, the words that the master assigns: a claim of them is shown to the operator at approval. */
export function assignedClaims(cmdline: string): Grains {
  const claims = bootClaims(cmdline);
  return present(ASSIGNED_ONLY.map((word) => [word, lookUp(claims, word) || undefined] as const));
}

/** As the kernel splits it: quotes hold blanks together, and what follows `--` is for init. */
export function parameters(cmdline: string): readonly (readonly [string, string | undefined])[] {
  const found: (readonly [string, string | undefined])[] = [];
  for (const [word] of cmdline.matchAll(/(?:"[^"]*(?:"|$)|[^\s"\0])+/g)) {
    if (word === "--" || found.length === PARAMETERS_MAX) break;
    const plain = word.startsWith('"') ? word.slice(1).replace(/"$/, "") : word;
    const equals = plain.indexOf("=");
    const name = equals < 0 ? plain : plain.slice(0, equals);
    if (name === "" || /^-+$/.test(name)) continue;
    found.push([name, equals < 0 ? undefined : plain.slice(equals + 1).replace(/^"(.*?)"?$/s, "$1")]);
  }
  return found;
}
