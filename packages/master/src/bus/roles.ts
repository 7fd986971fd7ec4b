/**
 * Who may say what on the bus. The rights hang on an account's signing key and
 * name the user by `{{subject()}}`, its own public nkey, so that a credential
 * is bound to its holder by the server and not by whoever issued it.
 */
import {
  addressOf,
  ENROL_BYTES_MAX,
  INBOX_KINDS,
  PAYLOAD_BYTES_MAX,
  SELF,
  subjects,
  type InboxKind,
} from "@boma/protocol";
import type { UserPermissionsLimits } from "@nats-io/jwt";

export type Role = Partial<UserPermissionsLimits>;

/** Subscriptions of one connection; an agent needs four, an operator one a session that it follows. */
const AGENT_SUBSCRIPTIONS_MAX = 16;
const ENROL_SUBSCRIPTIONS_MAX = 2;
const OPERATOR_SUBSCRIPTIONS_MAX = 64;
const NO_LIMIT = -1;

const OWN_REPLIES = `_INBOX.${SELF}.>`;

interface Rights {
  readonly publish: readonly string[];
  readonly subscribe: readonly string[];
  readonly subscriptionsMax: number;
  readonly payloadBytesMax: number;
}

// No response permission: with one, a reply subject that a stranger chose would be writable.
const role = (rights: Rights): Role => ({
  pub: { allow: [...rights.publish], deny: [] },
  sub: { allow: [...rights.subscribe], deny: [] },
  subs: rights.subscriptionsMax,
  data: NO_LIMIT,
  payload: rights.payloadBytesMax,
  allowed_connection_types: ["STANDARD"],
});

export const agentRole: Role = role({
  publish: [
    // One entry a kind: below a wildcard the server would store whatever token a node invents.
    ...INBOX_KINDS.map((kind: InboxKind) => subjects.inbox(SELF, kind)),
    `boma.rpc.${SELF}.*`,
    subjects.readMail(SELF),
    `ctl.chunk.${SELF}.*.*`,
  ],
  subscribe: [subjects.mail(SELF), subjects.ask(SELF), subjects.call, OWN_REPLIES],
  subscriptionsMax: AGENT_SUBSCRIPTIONS_MAX,
  payloadBytesMax: PAYLOAD_BYTES_MAX,
});

export const enrolRole: Role = role({
  publish: [subjects.enrol(SELF)],
  subscribe: [OWN_REPLIES],
  subscriptionsMax: ENROL_SUBSCRIPTIONS_MAX,
  payloadBytesMax: ENROL_BYTES_MAX,
});

export const operatorRole: Role = role({
  publish: [subjects.api(SELF, "*")],
  subscribe: [subjects.feed(SELF, "*"), OWN_REPLIES],
  subscriptionsMax: OPERATOR_SUBSCRIPTIONS_MAX,
  payloadBytesMax: PAYLOAD_BYTES_MAX,
});

/** One subject of CTRL that another kind of account sees, and under which name. */
export interface Way {
  readonly name: string;
  readonly subject: string;
  readonly type: "stream" | "service";
  /** The importing side's name, where it must differ: `$JS.API` under its own name is the account's own API. */
  readonly local?: string;
}

const DIRECT_GET = "$JS.API.DIRECT.GET";

/** How nodes at these addresses and the masters reach each other; the nodes' own names are of keys alone. */
const nodeWays = (address: string): readonly Way[] => [
  { name: "mail", subject: subjects.mail(address), type: "stream", local: subjects.mail("$1") },
  { name: "ask", subject: subjects.ask(address), type: "stream", local: subjects.ask("$1") },
  {
    name: "inbox",
    subject: `boma.in.${address}.*`,
    type: "service",
    local: "boma.in.$1.$2",
  },
  { name: "rpc", subject: `boma.rpc.${address}.*`, type: "service", local: "boma.rpc.$1.$2" },
  {
    name: "read-mail",
    subject: `${DIRECT_GET}.MAILBOX.${subjects.mail(address)}`,
    type: "service",
    local: subjects.readMail("$1"),
  },
  {
    name: "read-chunk",
    subject: `${DIRECT_GET}.CHUNKS.boma.chunk.${address}.*.*`,
    type: "service",
    local: "ctl.chunk.$1.$2.$3",
  },
];

const broadcast: Way = { name: "broadcast", subject: subjects.call, type: "stream" };
const enrolWay = (address: string): Way => ({
  name: "enrol",
  subject: subjects.enrol(address),
  type: "service",
  local: subjects.enrol("$1"),
});

const siteWays = (name: string): readonly Way[] => {
  const address = addressOf("*", name);
  return [...nodeWays(address), enrolWay(address)];
};

/** By what kind of account they are seen. */
export const ways = {
  agents: [...nodeWays(addressOf("*")), broadcast],
  /** The account by which a site's server speaks for its nodes, and for machines that ask there to be let in. */
  site: (name: string): readonly Way[] => [...siteWays(name), broadcast],
  enrol: [enrolWay(addressOf("*"))],
  operators: [
    { name: "feed", subject: subjects.feed("*", "*"), type: "stream" },
    { name: "api", subject: subjects.api("*", "*"), type: "service" },
  ],
} as const satisfies Record<string, readonly Way[] | ((name: string) => readonly Way[])>;

/** What CTRL lets be seen: an account sees of it what the operator's word for that account names. */
export const exported: readonly Way[] = [
  ...ways.agents,
  ...siteWays("*").map((way) => ({ ...way, name: `site-${way.name}` })),
  ...ways.enrol,
  ...ways.operators,
];
