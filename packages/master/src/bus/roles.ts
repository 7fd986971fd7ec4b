/**
 * Who may say what on the bus. The rights hang on an account's signing key and
 * name the user by `{{subject()}}`, its own public nkey, so that a credential
 * is bound to its holder by the server and not by whoever issued it.
 */
import {
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
  subscribe: [subjects.mail(SELF), subjects.ask(SELF), "boma.bc", OWN_REPLIES],
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

export type Outside = "agents" | "enrol" | "operators";

/** One subject of CTRL that another kind of account sees, and under which name. */
export interface BusExport {
  readonly name: string;
  readonly subject: string;
  readonly type: "stream" | "service";
  readonly to: Outside;
  /** The importing side's name, where it must differ: `$JS.API` under its own name is the account's own API. */
  readonly local?: string;
}

const DIRECT_GET = "$JS.API.DIRECT.GET";

export const busExports: readonly BusExport[] = [
  { name: "mail", subject: subjects.mail("*"), type: "stream", to: "agents" },
  { name: "ask", subject: subjects.ask("*"), type: "stream", to: "agents" },
  { name: "broadcast", subject: "boma.bc", type: "stream", to: "agents" },
  { name: "inbox", subject: "boma.in.*.*", type: "service", to: "agents" },
  { name: "rpc", subject: "boma.rpc.*.*", type: "service", to: "agents" },
  {
    name: "read-mail",
    subject: `${DIRECT_GET}.MAILBOX.${subjects.mail("*")}`,
    type: "service",
    to: "agents",
    local: subjects.readMail("$1"),
  },
  {
    name: "read-chunk",
    subject: `${DIRECT_GET}.CHUNKS.boma.chunk.*.*.*`,
    type: "service",
    to: "agents",
    local: "ctl.chunk.$1.$2.$3",
  },
  { name: "enrol", subject: subjects.enrol("*"), type: "service", to: "enrol" },
  { name: "feed", subject: subjects.feed("*", "*"), type: "stream", to: "operators" },
  { name: "api", subject: subjects.api("*", "*"), type: "service", to: "operators" },
];
