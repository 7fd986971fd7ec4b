/** Whether the program itself can read a configuration, before it is put in place of one with which it runs. */
import { BomaError } from "@boma/protocol";

import type { Host } from "../../host/host.ts";
import { type Flavor, namesOf } from "./flavor.ts";

const NO_PROGRAM = 127;
/**
 * Its own name of a check, and not the word of its help, which skips nothing. It would open the storage as root, and
 * leave files in it that the server may not read; it ends where there is none, before seals and listeners.
 */
const SKIPPED = "check storage";
const PARSING = "parse configuration";

/** What a diagnosis is made of: each part has parts. */
interface Finding {
  readonly name?: string;
  readonly status?: string;
  readonly message?: string;
  readonly warnings?: readonly string[] | null;
  readonly children?: readonly Finding[] | null;
}

/**
 * Has the program diagnose a draft in which no secret stands. Only what it says of the configuration itself counts:
 * the storage is locked by the one that runs, and other machines may be away.
 */
export async function assertAccepted(
  { files, commands }: Host,
  flavor: Flavor,
  draft: string,
): Promise<void> {
  const { program } = namesOf(flavor);
  await makeRun(files);
  const dir = await files.makeTemporary("/run");
  try {
    const path = `${dir}/boma.json`;
    await files.write(path, draft);
    const { exitCode, stdout, stderr } = await commands.read({
      argv: [program, "operator", "diagnose", `-config=${path}`, "-format=json", `-skip=${SKIPPED}`],
      timeoutMs: 60_000,
    });
    if (exitCode === NO_PROGRAM) return;
    const complaint = complaintOf(stdout, stderr);
    if (complaint === undefined) return;
    throw new BomaError("vault/config", `${program} does not accept the configuration: ${complaint}`, {
      hint: "What was in place before is still there. See docs/guide/infra/vault.md.",
    });
  } finally {
    await files.remove(dir, { recursive: true });
  }
}

async function makeRun(files: Host["files"]): Promise<void> {
  if (!(await files.stat("/run"))) await files.makeDirectory("/run");
}

function complaintOf(stdout: string, stderr: string): string | undefined {
  const finding = parsed(stdout);
  if (!finding) return /error (loading|parsing)/i.test(stderr) ? stderr.trim().slice(0, 500) : undefined;
  const parsing = find(finding, PARSING);
  if (parsing?.status !== "fail") return undefined;
  return parsing.message ?? parsing.warnings?.join("; ") ?? "it says no more";
}

function parsed(text: string): Finding | undefined {
  try {
    return JSON.parse(text) as Finding;
  } catch {
    return undefined;
  }
}

function find(finding: Finding, name: string): Finding | undefined {
  if (finding.name?.toLowerCase() === name) return finding;
  for (const child of finding.children ?? []) {
    const found = find(child, name);
    if (found) return found;
  }
  return undefined;
}
