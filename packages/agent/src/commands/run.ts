import { readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join, resolve } from "node:path";

import {
  BomaError,
  escapeLine,
  fingerprintWords,
  type Grains,
  parseNodeId,
  proposeNodeId,
} from "@boma/protocol";

import { Agent } from "../agent.ts";
import type { EnrolNews } from "../enrol.ts";
import { collectGrains } from "../grains/collect.ts";
import { confinedHost, realHost } from "../host/hosts.ts";
import { Identity } from "../identity.ts";
import { createLog } from "../log.ts";
import { POLICY_DIR } from "../policy.ts";
import { AGENT_VERSION } from "../version.ts";
import { awaitConfig } from "./await-config.ts";
import { bootWords } from "./boot-words.ts";
import { agentDir } from "./home.ts";
import { type JoinOptions, readJoining } from "./joining.ts";
import { machineGrains } from "./machine-grains.ts";
import { forgetRolledBack, readRolledBack, upgradePatienceMs } from "./rolled-back.ts";
import { tellSystemd } from "./systemd-status.ts";

export interface RunOptions extends JoinOptions {
  readonly home?: string | undefined;
  readonly id?: string | undefined;
  readonly grain: readonly string[];
  readonly root?: string | undefined;
  /** The directory in which a package looks for its configuration. */
  readonly config?: string | undefined;
}

export async function run(options: RunOptions): Promise<void> {
  const dir = agentDir(options.home);
  const known = (await Identity.read(dir))?.kit;
  const { config } = options;
  const { kit, token } = await (config === undefined
    ? readJoining(options, known)
    : awaitConfig(options, { config: resolve(config), dir, known }));
  const rolledBack = await readRolledBack();
  const root = options.root === undefined ? undefined : resolve(options.root);
  const agent = new Agent({
    dir,
    version: AGENT_VERSION,
    kit,
    token,
    id: options.id === undefined ? undefined : parseNodeId(options.id),
    proposedId: proposeNodeId(hostname()),
    grains: machineGrains(options.grain, root),
    host: root === undefined ? realHost : confinedHost(root),
    confined: root !== undefined,
    hardware: root === undefined ? undefined : () => hardwareBelow(root),
    policyDir: join(root ?? "/", POLICY_DIR),
    bootId: await readBootId(),
    installing: (await bootWords(options.boot ?? false)).install,
    log: createLog(),
    onEnrolPending: showFingerprint,
    onState: (state) => tellSystemd(state),
    onReady: (id) => say(`ready  ${id}  (agent ${AGENT_VERSION}, pid ${process.pid})`),
  });
  stopOnSignals(agent);
  await agent.start();
  if (rolledBack && root === undefined) {
    agent.tell({ kind: "node.rolled-back", data: rolledBack });
    // Told once more rather than not at all.
    void agent.ready.then(() => forgetRolledBack()).catch(() => undefined);
  }
  say(`fingerprint  ${inBothForms(agent.fingerprint)}  ${agent.id}`);
}

/**
 * A confined agent is not this machine, and several of them may live on it: its
 * hardware is what stands below its root, which is nothing unless a test puts it there.
 */
const hardwareBelow = async (root: string): Promise<Grains> =>
  (await collectGrains({ agentVersion: AGENT_VERSION, root })).grains;

const say = (line: string): void => void process.stdout.write(`${escapeLine(line)}\n`);

const NEXT_STEPS = {
  pending: "waiting for approval: boma-master enroll approve <id>",
  "changed-key": "known with another key, waiting for approval: boma-master enroll list",
  denied: "denied by the master; asking again every minute",
  "token-refused": "the token was refused; an operator may approve: boma-master enroll list",
  approved: "approved",
} as const satisfies Record<EnrolNews["status"], string>;

function showFingerprint(fingerprint: string, { status, reason }: EnrolNews): void {
  const why = reason === undefined ? "" : `  (${reason})`;
  say(`fingerprint  ${inBothForms(fingerprint)}  ${NEXT_STEPS[status]}${why}`);
}

/** The words are for whoever reads them to somebody on a telephone. */
const inBothForms = (print: string): string => `${print}  ${fingerprintWords(print)}`;

async function readBootId(): Promise<string> {
  const text = await readFile("/proc/sys/kernel/random/boot_id", "utf8").catch(() => "");
  return text.trim().slice(0, 64);
}

/** The first signal stops in order, the second at once. */
function stopOnSignals(agent: Agent): void {
  let stopping = false;
  const stop = (): void => {
    if (stopping) process.exit(1);
    stopping = true;
    void upgradePatienceMs()
      .then((patience) => agent.stop(patience))
      .finally(() => process.exit(0));
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
  // What is thrown outside every call is a fault of ours; a supervisor starts the agent anew, and the journal knows the rest.
  process.on("unhandledRejection", (thrown) => {
    process.stderr.write(
      `error[internal]: ${thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)}\n`,
    );
    process.exit(new BomaError("internal", "").exit);
  });
}
