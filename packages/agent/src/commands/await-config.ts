/**
 * An agent that was installed before anybody said who its master is: it waits for
 * `token` or `join` in its directory of configuration, says so wherever somebody may
 * look, and goes on as soon as one is there that holds.
 */
import { watch } from "node:fs";
import { access, mkdir } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";

import { asBomaError, escapeLine, type JoinKit, proposeNodeId } from "@boma/protocol";

import { processIdentity } from "../lock.ts";
import { statusWriter } from "../status.ts";
import { AGENT_VERSION } from "../version.ts";
import { type JoinOptions, type Joining, readJoining } from "./joining.ts";
import { tellSystemd } from "./systemd-status.ts";

/** A directory that is replaced, or on a file system that tells nothing, is looked at all the same. */
const LOOK_MS = 5_000;

export interface Awaited {
  /** Where `token` and `join` are looked for. */
  readonly config: string;
  /** Where the agent keeps its things. */
  readonly dir: string;
  /** The kit of an earlier start: then there is nothing to wait for. */
  readonly known: JoinKit | undefined;
}

export async function awaitConfig(options: JoinOptions, awaited: Awaited): Promise<Joining> {
  const { config, known } = awaited;
  const writeStatus = statusWriter(awaited.dir);
  const { start = "" } = (await processIdentity(process.pid)) ?? {};
  let told: string | undefined;
  for (;;) {
    const found = await look(options, awaited);
    if (typeof found !== "string") return found;
    if (found !== told) {
      told = found;
      process.stdout.write(`${escapeLine(`waiting  ${found}`)}\n`);
      tellSystemd(`waiting: ${found}`);
      await mkdir(awaited.dir, { recursive: true, mode: 0o700 });
      const id = proposeNodeId(hostname()) ?? "";
      const now = new Date().toISOString();
      const unknown = { node: "", fingerprint: "", master: known?.servers.join(",") ?? "" };
      const facts = { version: AGENT_VERSION, since: now, pid: process.pid, start };
      await writeStatus({ state: "unconfigured", id, ...unknown, reason: found, ...facts });
    }
    await changed(config);
  }
}

/** What there is, or what is missing, for a person. */
async function look(options: JoinOptions, { config, known }: Awaited): Promise<Joining | string> {
  const [tokenFile, joinFile] = [join(config, "token"), join(config, "join")];
  const [hasToken, hasJoin] = await Promise.all([isThere(tokenFile), isThere(joinFile)]);
  const given: JoinOptions = {
    ...options,
    ...(hasToken && options.token === undefined && { tokenFile: options.tokenFile ?? tokenFile }),
    ...(hasJoin && { join: options.join ?? joinFile }),
  };
  try {
    const joining = await readJoining(given, known);
    if (joining.kit ?? known) return joining;
  } catch (thrown) {
    // A node that has a master does not stop for a file that somebody spoiled later.
    if (known) return { kit: undefined, token: undefined };
    return `${asBomaError(thrown).message}; correct it, and the agent goes on by itself`;
  }
  if (hasToken)
    return `${tokenFile} does not say who the master is: put the master's join file at ${joinFile}, or the long token (boma1.…) there`;
  return `put what \`boma-master token create\` prints into ${tokenFile}, or the master's join file at ${joinFile}; the agent goes on by itself`;
}

const isThere = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/** Something in the directory is another, or it is time to look again. */
function changed(dir: string): Promise<void> {
  return new Promise((resolve) => {
    const over = (): void => {
      clearTimeout(timer);
      watcher?.close();
      resolve();
    };
    const timer = setTimeout(over, LOOK_MS);
    let watcher: ReturnType<typeof watch> | undefined;
    try {
      watcher = watch(dir, over);
      watcher.on("error", over);
    } catch {
      // It is not there yet.
    }
  });
}
