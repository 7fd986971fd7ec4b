/**
 * Every NATS subject is spelt here and nowhere else. On the wire a node is its
 * public nkey, one token that the server itself checks against the credential.
 *
 *   account AGENTS, one node               account CTRL, the masters
 *   ------------------------------------   -----------------------------------------
 *   subscribes boma.mail.KEY           <-  stream MAILBOX, one signed snapshot a node
 *   subscribes boma.ask.KEY            <-  live questions: who is there, grains now
 *   publishes  boma.in.KEY.return      ->  stream INBOX, until a master took it
 *   requests   boma.rpc.KEY.hello      ->  a master answers
 *   requests   ctl.mail.KEY            ->  direct get of its own mailbox
 *   requests   ctl.chunk.KEY.DIGEST.N  ->  direct get of its own sealed chunks
 */
import { BomaError } from "./errors.ts";

export const INBOX_KINDS = ["return", "progress", "grains", "event"] as const;
export type InboxKind = (typeof INBOX_KINDS)[number];
export type RpcKind = "hello" | "rekey";

export const subjects = {
  mail: (key: string) => `boma.mail.${key}`,
  ask: (key: string) => `boma.ask.${key}`,
  inbox: (key: string, kind: InboxKind) => `boma.in.${key}.${kind}`,
  rpc: (key: string, kind: RpcKind) => `boma.rpc.${key}.${kind}`,
  enrol: (key: string) => `boma.enrol.${key}`,
  /** The agent's names for the two direct gets that it may do. */
  readMail: (key: string) => `ctl.mail.${key}`,
  readChunk: (key: string, digest: string, part: number) => `ctl.chunk.${key}.${digest}.${part}`,
  /** Where the master puts what the node reads by that name. */
  chunk: (key: string, digest: string, part: number | "*") => `boma.chunk.${key}.${digest}.${part}`,
  /** An operator asks the master, and hears what follows. */
  api: (key: string, verb: string) => `boma.api.${key}.${verb.replace(".", "-")}`,
  feed: (key: string, session: string) => `boma.feed.${key}.${session}`,
  /** Within CTRL only. */
  job: (job: string, part: string) => `boma.jobs.${job}.${part}`,
  result: (job: string, key: string) => `boma.jobs.${job}.result.${key}`,
  event: (kind: string, about: { job?: string | undefined; node?: string | undefined }) =>
    `boma.evt.${about.job ?? "-"}.${about.node ?? "-"}.${kind}`,
  /** One a chain, and so one a master. */
  audit: (chain: string) => `boma.audit.${chain}`,
  witness: (chain: string) => `boma.witness.${chain}`,
  record: (table: string, id: string) => `boma.rec.${table}.${id}`,
} as const;

/** The subjects that a role or an export names with the server's own templates and wildcards. */
export const SELF = "{{subject()}}";

const KEY_TOKEN = /^U[A-Z2-7]{55}$/;

/** The node key that a subject carries at `position`; the server has checked it against the credential. */
export function keyInSubject(subject: string, position = 2): string {
  const key = subject.split(".")[position] ?? "";
  if (!KEY_TOKEN.test(key)) throw new BomaError("wire/frame", "the subject names no node key");
  return key;
}
