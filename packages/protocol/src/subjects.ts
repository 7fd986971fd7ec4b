/**
 * Every NATS subject is spelt here and nowhere else. On the wire a node is its
 * public nkey, one token that the server itself checks against the credential.
 *
 *   account AGENTS, one node               account CTRL, the masters
 *   ------------------------------------   -----------------------------------------
 *   subscribes boma.mail.KEY           <-  stream MAILBOX, one signed snapshot a node
 *   subscribes boma.ask.KEY            <-  live questions: who is there, grains now
 *   subscribes boma.bc                 <-  an order for every node there is, kept nowhere
 *   publishes  boma.in.KEY.return      ->  stream INBOX, until a master took it
 *   requests   boma.rpc.KEY.hello      ->  a master answers
 *   requests   ctl.mail.KEY            ->  direct get of its own mailbox
 *   requests   ctl.chunk.KEY.DIGEST.N  ->  direct get of its own sealed chunks
 *
 * A node behind a server of its site says and hears the same there. To the masters its address is SITE.KEY:
 * boma.mail.SITE.KEY, boma.in.SITE.KEY.return; so a site's server can be held to the nodes of its site.
 */
import { BomaError } from "./errors.ts";

export const INBOX_KINDS = ["return", "progress", "grains", "event"] as const;
export type InboxKind = (typeof INBOX_KINDS)[number];
export type RpcKind = "hello" | "rekey";

export const subjects = {
  mail: (address: string) => `boma.mail.${address}`,
  ask: (address: string) => `boma.ask.${address}`,
  /** The same for all, wherever they are. */
  call: "boma.bc",
  inbox: (address: string, kind: InboxKind | "*") => `boma.in.${address}.${kind}`,
  rpc: (address: string, kind: RpcKind | "*") => `boma.rpc.${address}.${kind}`,
  enrol: (address: string) => `boma.enrol.${address}`,
  /** The agent's names for the two direct gets that it may do. */
  readMail: (key: string) => `ctl.mail.${key}`,
  readChunk: (key: string, digest: string, part: number) => `ctl.chunk.${key}.${digest}.${part}`,
  /** Where the master puts what the node reads by that name. */
  chunk: (address: string, digest: string, part: number | "*") => `boma.chunk.${address}.${digest}.${part}`,
  /** An operator asks the master, and hears what follows. */
  api: (key: string, verb: string) => `boma.api.${key}.${verb.replace(".", "-")}`,
  feed: (key: string, session: string) => `boma.feed.${key}.${session}`,
  /** Within CTRL only. */
  job: (job: string, part: string) => `boma.jobs.${job}.${part}`,
  result: (job: string, key: string) => `boma.jobs.${job}.result.${key}`,
  /** What a node was sent, beside the jobs that sent it. */
  catalog: (key: string, place: number) => `boma.jobs.catalog.${key}.${place}`,
  event: (kind: string, about: { job?: string | undefined; node?: string | undefined }) =>
    `boma.evt.${about.job ?? "-"}.${about.node ?? "-"}.${kind}`,
  /** One a chain, and so one a master. */
  audit: (chain: string) => `boma.audit.${chain}`,
  witness: (chain: string) => `boma.witness.${chain}`,
  record: (table: string, id: string) => `boma.rec.${table}.${id}`,
} as const;

/** The subjects that a role or an export names with the server's own templates and wildcards. */
export const SELF = "{{subject()}}";

/** What a node is called at the centre: its key, and before it the site whose server it is behind. */
export const addressOf = (key: string, site?: string): string =>
  site === undefined ? key : `${site}.${key}`;

/** Of a key wherever it is, or with `*` of every key: at the centre, and at any site. */
export const addressesOf = (key: string): readonly string[] => [key, addressOf(key, "*")];

// A name of a site is never like a key: it has no capital letters.
const ADDRESSED = /^boma\.[a-z]+\.(?:([a-z0-9-]+)\.)?(U[A-Z2-7]{55})(?:\.|$)/;

export interface Address {
  readonly address: string;
  readonly key: string;
  readonly site: string | undefined;
}

/** Whose address a subject carries, where it carries one. */
export function readAddress(subject: string): Address | undefined {
  const [, site, key] = ADDRESSED.exec(subject) ?? [];
  return key === undefined ? undefined : { address: addressOf(key, site), key, site };
}

/** The server has checked the key against the credential, or the site against its server's. */
export function addressInSubject(subject: string): Address {
  const address = readAddress(subject);
  if (!address) throw new BomaError("wire/frame", "the subject names no node key");
  return address;
}

export const keyInSubject = (subject: string): string => addressInSubject(subject).key;
