/** A node's mail without a bus: what it takes, cancels, sends again and refuses is in lists. */
import { join } from "node:path";

import { type ErrorCode, newNkey, newSigningKey, sameBytes } from "@boma/protocol";
import { onTestFinished } from "vitest";

import { MasterTime } from "../clock.ts";
import type { Jobs } from "../jobs.ts";
import { Journal, type KeptReturn } from "../journal.ts";
import type { MailboxPorts } from "../mailbox.ts";
import type { Outbox } from "../outbox.ts";
import { temporaryDirectory } from "./support.ts";

export const master = newSigningKey();
export const key = newNkey.user().publicKey;

interface Bench {
  readonly ports: MailboxPorts;
  readonly journal: Journal;
  readonly accepted: string[];
  readonly cancelled: string[];
  readonly resent: string[];
  readonly codes: ErrorCode[];
}

export async function mailBench(running: readonly string[] = []): Promise<Bench> {
  const dir = await temporaryDirectory();
  const journal = await Journal.open(join(dir.path, "journal"));
  onTestFinished(async () => {
    await journal.close();
    await dir[Symbol.asyncDispose]();
  });
  const accepted: string[] = [];
  const cancelled: string[] = [];
  const resent: string[] = [];
  const codes: ErrorCode[] = [];
  const jobs: Pick<Jobs, "has" | "accept" | "cancel" | "onlyLooks"> = {
    has: (job) => running.includes(job) || accepted.includes(job),
    accept: ({ job }) => void accepted.push(job),
    cancel: (job) => void cancelled.push(job),
    onlyLooks: ({ function: name }) => name !== "cmd.run",
  };
  const ports: MailboxPorts = {
    key: () => key,
    trust: {
      accept: () => Promise.resolve(),
      trusts: (sender) => sameBytes(sender, master.publicKey),
      serial: 1,
      release: undefined,
    },
    time: new MasterTime(),
    journal,
    jobs: jobs as Jobs,
    outbox: { sendReturn: ({ job }: KeptReturn) => void resent.push(job) } as unknown as Outbox,
    listed: undefined,
    refused: (error) => void codes.push(error.code),
  };
  return { ports, journal, accepted, cancelled, resent, codes };
}
