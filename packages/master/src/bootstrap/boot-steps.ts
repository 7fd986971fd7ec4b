/** The boot service: a user, a credential with one right, the packages that it hands out, and the unit. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { basename, join } from "node:path";

import { NETBOOT_OPTIONS, optionsIn, runsWith, writeOptions } from "./defaults.ts";
import { valuesOf, withOption } from "./option-words.ts";
import {
  as,
  askMaster,
  documentOf,
  isActive,
  lastWord,
  MASTER_HOME,
  MASTER_USER,
  must,
  mustMaster,
  run,
  unit,
} from "./programs.ts";
import { type BootSettings, bootWords, type Settings } from "./settings.ts";
import type { Step } from "./steps.ts";

const USER = "boma-netboot";
const HOME = "/var/lib/boma-netboot";
const CREDENTIAL = join(HOME, "operator.json");
const OPERATOR = "boot-service";
const PACKAGES = join(MASTER_HOME, "packages");
const READY_MS_MAX = 60_000;
const ANSWER_MS_MAX = 2_000;

export const bootSteps = ({ boot, packages }: Settings): readonly Step[] =>
  boot === undefined
    ? []
    : [
        user,
        ...(packages === undefined ? [] : [handedOut(packages)]),
        credential,
        options(boot),
        service(boot),
      ];

const user: Step = {
  name: `user ${USER}`,
  look: async () => {
    if ((await run(["getent", "passwd", USER])).code !== 0) return "there is none yet";
    return existsSync(HOME) ? undefined : `${HOME} is not there`;
  },
  do: async () => {
    await must(["systemd-sysusers", "/usr/lib/sysusers.d/boma-netboot.conf"]);
    await must(["install", "-d", "-m", "700", "-o", USER, "-g", USER, HOME]);
  },
};

/** The agent for machines that come with somebody else's image. */
const handedOut = (from: string): Step => ({
  name: "packages of the agent",
  look: async () => {
    const lacking = packagesIn(from).find((path) => !sameFile(path, join(PACKAGES, basename(path))));
    return lacking === undefined ? undefined : `${basename(lacking)} is not in ${PACKAGES}`;
  },
  do: async () => {
    await must(as(MASTER_USER, ["mkdir", "-p", "-m", "755", PACKAGES]));
    for (const path of packagesIn(from)) {
      const to = join(PACKAGES, basename(path));
      await must([
        "sh",
        "-c",
        'exec < "$1"; shift; exec "$@"',
        "sh",
        path,
        ...as(MASTER_USER, ["dd", `of=${to}.new`, "status=none"]),
      ]);
      await must(as(MASTER_USER, ["mv", "-T", `${to}.new`, to]));
    }
  },
});

const packagesIn = (dir: string): readonly string[] =>
  readdirSync(dir)
    .filter((name) => /^boma-agent_[\w.+~-]+_(amd64|arm64)\.deb$/.test(name))
    .map((name) => join(dir, name));

const sameFile = (one: string, other: string): boolean =>
  existsSync(other) &&
  statSync(one).size === statSync(other).size &&
  readFileSync(one).equals(readFileSync(other));

interface ListedOperator {
  readonly name: string;
  readonly rights: { readonly netboot?: boolean };
}

const credential: Step = {
  name: "credential of the boot service",
  look: async () => {
    const held = documentOf((await run(as(USER, ["cat", CREDENTIAL]))).stdout) as
      | { name?: string }
      | undefined;
    if (held?.name !== OPERATOR) return "it has none yet";
    return (await knownOperator())?.rights.netboot ? undefined : "the master does not know its credential";
  },
  do: async () => {
    // Another run may have been killed before what it was given lay in its place.
    if (await knownOperator()) await mustMaster(["operator", "remove", OPERATOR]);
    const dir = (
      await must(as(MASTER_USER, ["mktemp", "-d", join(MASTER_HOME, ".bootstrap-XXXXXX")]))
    ).trim();
    try {
      const file = join(dir, "operator.json");
      await mustMaster(["operator", "add", OPERATOR, "--netboot", "--out", file]);
      const text = await must(as(MASTER_USER, ["cat", file]));
      const fresh = `${CREDENTIAL}.new`;
      await must(as(USER, ["dd", `of=${fresh}`, "status=none"]), { stdin: text });
      await must(as(USER, ["chmod", "600", fresh]));
      await must(as(USER, ["mv", "-T", fresh, CREDENTIAL]));
    } finally {
      await must(as(MASTER_USER, ["rm", "-rf", dir]));
    }
  },
};

const knownOperator = async (): Promise<ListedOperator | undefined> =>
  (await askMaster<readonly ListedOperator[]>(["operator", "list"])).find(({ name }) => name === OPERATOR);

const options = (boot: BootSettings): Step => ({
  name: "what the boot service serves",
  look: async () => {
    const now = optionsIn(NETBOOT_OPTIONS);
    return wanted(now, boot).join(" ") === now.join(" ")
      ? undefined
      : `${NETBOOT_OPTIONS.path} does not say it`;
  },
  do: async () => writeOptions(NETBOOT_OPTIONS, wanted(optionsIn(NETBOOT_OPTIONS), boot)),
});

function wanted(now: readonly string[], boot: BootSettings): readonly string[] {
  const said = [...bootWords(boot), ...(existsSync(PACKAGES) ? ["--packages", PACKAGES] : [])];
  let words = now;
  for (let at = 0; at < said.length; at += 2)
    if (valuesOf(words, said[at]!).at(-1) !== said[at + 1])
      words = withOption(words, said[at]!, said[at + 1]!);
  return words;
}

const service = (boot: BootSettings): Step => ({
  name: NETBOOT_OPTIONS.unit,
  waitMs: READY_MS_MAX,
  look: async () => {
    if ((await unit(NETBOOT_OPTIONS.unit, "UnitFileState")) !== "enabled") return "it is not enabled";
    if (!(await isActive(NETBOOT_OPTIONS.unit)))
      return `it does not run${await lastWord(NETBOOT_OPTIONS.unit)}`;
    if (!(await runsWith(NETBOOT_OPTIONS))) return "it runs with other options";
    return (await answers(boot)) ? undefined : `it does not answer${await lastWord(NETBOOT_OPTIONS.unit)}`;
  },
  do: async () => {
    await must(["systemctl", "enable", "--quiet", NETBOOT_OPTIONS.unit]);
    await must(["systemctl", "restart", NETBOOT_OPTIONS.unit]);
  },
});

async function answers({ address }: BootSettings): Promise<boolean> {
  const port = valuesOf(optionsIn(NETBOOT_OPTIONS), "--http-port").at(-1) ?? "8080";
  try {
    const signal = AbortSignal.timeout(ANSWER_MS_MAX);
    return (await fetch(`http://${address}:${port}/boot.ipxe`, { signal })).ok;
  } catch {
    return false;
  }
}
