/**
 * The operator's site, copied into the master's home: its service sees neither /root nor /home. A copy that nobody
 * touched since may be replaced by the next one; what somebody edited there is never overwritten.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

import { BomaError } from "@boma/protocol";

import { writeSecret } from "../home.ts";
import type { Finding } from "../site/check-site.ts";
import { as, documentOf, master, MASTER_HOME, MASTER_USER, must } from "./programs.ts";
import { firstDifference, siteDigest, siteFiles } from "./site-digest.ts";
import type { Step } from "./steps.ts";

const SITE = join(MASTER_HOME, "site");
/** root's own note of which sites it put there. */
const NOTE_DIR = "/var/lib/boma";
const NOTE = join(NOTE_DIR, "bootstrap-sites.json");
const NOTED_MAX = 16;

/** A machine as its profile is going to make it. */
export interface Newcomer {
  readonly id: string;
  readonly profile: string;
  readonly env?: string | undefined;
  readonly grains: unknown;
}

/** The starter site is ours as well, until somebody edits it. */
export const noteStarterSite = (): void => note(siteDigest(siteFiles(SITE)));

export const hasSite = (): boolean => existsSync(join(SITE, "top.ts"));

/** The copy that is checked before anything is changed, and put in its place afterwards. */
export class StagedSite implements AsyncDisposable {
  readonly #from: string;
  readonly #dir: string;
  readonly #files: ReadonlyMap<string, string>;

  private constructor(from: string, dir: string) {
    this.#from = from;
    this.#dir = dir;
    this.#files = siteFiles(join(dir, "site"));
  }

  static async of(from: string): Promise<StagedSite> {
    if (!existsSync(from) || !statSync(from).isDirectory() || !existsSync(join(from, "top.ts")))
      throw new BomaError("bootstrap/machine", `${from} is no site: there is no top.ts in it`);
    const dir = await scratch();
    await must(as(MASTER_USER, ["mkdir", join(dir, "site")]));
    await copy(from, join(dir, "site"));
    return new StagedSite(from, dir);
  }

  /** Compiles it for the machine that is about to join; the site's code runs without root, as it always does. */
  check(machine: Newcomer): Promise<void> {
    return checkSite(join(this.#dir, "site"), machine, this.#dir, this.#from);
  }

  assertReplaceable(): void {
    if (!hasSite()) return;
    const there = siteFiles(SITE);
    const digest = siteDigest(there);
    if (digest === siteDigest(this.#files) || noted().includes(digest)) return;
    throw new BomaError(
      "bootstrap/machine",
      `the master has a site that bootstrap did not put there, or that was edited since: ${firstDifference(there, this.#files)} differs in ${SITE} and ${this.#from}`,
      { hint: `Leave --site away to keep ${SITE}, or make the two the same yourself.` },
    );
  }

  step(): Step {
    return {
      name: "site",
      look: async () => {
        if (!hasSite()) return `there is no site in ${SITE} yet`;
        const differs = firstDifference(siteFiles(SITE), this.#files);
        return differs === undefined ? undefined : `${differs} is another in ${this.#from}`;
      },
      do: async () => {
        // Noted first: killed in between, either of them is known as ours.
        note(siteDigest(this.#files));
        const old = join(this.#dir, "old");
        if (existsSync(SITE)) await must(as(MASTER_USER, ["mv", "-T", SITE, old]));
        await must(as(MASTER_USER, ["mv", "-T", join(this.#dir, "site"), SITE]));
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await must(as(MASTER_USER, ["rm", "-rf", this.#dir]));
  }
}

/** Beside the site, so that one can be put into the other's place. What a run that was killed left goes first. */
async function scratch(): Promise<string> {
  const left = [
    "find",
    MASTER_HOME,
    "-maxdepth",
    "1",
    "-name",
    ".bootstrap-*",
    "-exec",
    "rm",
    "-rf",
    "{}",
    "+",
  ];
  await must(as(MASTER_USER, left));
  return (await must(as(MASTER_USER, ["mktemp", "-d", join(MASTER_HOME, ".bootstrap-XXXXXX")]))).trim();
}

/** The master's own site as it stands, for a machine that is to join. */
export async function checkOwnSite(machine: Newcomer): Promise<void> {
  const dir = await scratch();
  try {
    await checkSite(SITE, machine, dir, SITE);
  } finally {
    await must(as(MASTER_USER, ["rm", "-rf", dir]));
  }
}

async function checkSite(site: string, machine: Newcomer, dir: string, shownAs: string): Promise<void> {
  const { id, profile, env, grains } = machine;
  const inventory = join(dir, "inventory.json");
  const nodes = { [id]: { grains, assigned: { profile, ...(env !== undefined && { env }) } } };
  await must(as(MASTER_USER, ["dd", `of=${inventory}`, "status=none"]), { stdin: JSON.stringify({ nodes }) });
  // A site without types of its own, in YAML for one, is none to check types of.
  const types = existsSync(join(site, "tsconfig.json")) ? [] : ["--no-types"];
  const words = ["check", "--site", site, "--inventory", inventory, ...types, "--json"];
  const { stdout, stderr } = await master(words);
  const said = documentOf(stdout) as Checked | undefined;
  if (said?.ok) return;
  const [first, ...others] = [
    ...(said?.errors ?? []),
    ...(said?.nodes ?? []).flatMap(({ error }) => error ?? []),
  ];
  const fallback = said?.error ?? { message: stderr.trim() || stdout.trim(), hint: undefined };
  const what = first === undefined ? fallback.message : textOf(first, shownAs);
  const more = others.length === 0 ? "" : ` (and ${others.length} more)`;
  const hint = first?.hint ?? fallback.hint;
  throw new BomaError(
    "bootstrap/machine",
    `the site ${shownAs} cannot be used for ${id} with the profile ${profile}: ${what}${more}`,
    hint === undefined ? {} : { hint },
  );
}

interface Checked {
  readonly ok: boolean;
  readonly errors?: readonly Finding[];
  readonly nodes?: readonly { readonly error?: Finding }[];
  readonly error?: { readonly message: string; readonly hint?: string };
}

const textOf = ({ what, place }: Finding, site: string): string =>
  place
    ? `${[join(site, place.file), place.line].filter((part) => part !== undefined).join(":")}: ${what}`
    : what;

/** root reads what the operator named, and the service's user writes it. */
async function copy(from: string, to: string): Promise<void> {
  const [read, ...readArgs] = ["tar", "--create", "--file=-", `--directory=${from}`, "."];
  const [write, ...writeArgs] = as(MASTER_USER, [
    "tar",
    "--extract",
    "--file=-",
    `--directory=${to}`,
    "--no-same-owner",
  ]);
  const reading = spawn(read!, readArgs, { stdio: ["ignore", "pipe", "inherit"] });
  const writing = spawn(write!, writeArgs, { stdio: [reading.stdout, "ignore", "inherit"] });
  // Only the second one reads it from here on: it ends when the first one does.
  reading.stdout.destroy();
  const codes = await Promise.all([reading, writing].map(ended));
  if (codes.some((code) => code !== 0))
    throw new BomaError("bootstrap/machine", `${from} could not be copied into ${MASTER_HOME}`);
}

const ended = (child: ReturnType<typeof spawn>): Promise<number> =>
  new Promise((resolve) => {
    child.once("error", () => resolve(127));
    child.once("close", (code) => resolve(code ?? 128));
  });

function noted(): readonly string[] {
  const said = existsSync(NOTE) ? documentOf(readFileSync(NOTE, "utf8")) : undefined;
  return Array.isArray(said) ? said.filter((one) => typeof one === "string") : [];
}

function note(digest: string): void {
  mkdirSync(NOTE_DIR, { recursive: true, mode: 0o755 });
  const known = noted().filter((one) => one !== digest);
  writeSecret(NOTE, `${JSON.stringify([...known, digest].slice(-NOTED_MAX))}\n`);
}
