/** The parts of a running master, as its doors and verbs use them. */
import type { JoinKit, Knocking, Nodegroups } from "@boma/protocol";
import type { NatsConnection } from "nats";

import type { OperatorRecord } from "./api/rights.ts";
import type { Audit } from "./audit/audit.ts";
import type { AuditCopier } from "./audit/copier.ts";
import type { NodeAudit } from "./audit/node-audit.ts";
import type { RequestAudit } from "./audit/request-audit.ts";
import type { Presence } from "./bus/presence.ts";
import type { SiteLines } from "./bus/site-lines.ts";
import type { BusTrust } from "./bus/trust.ts";
import type { CatalogHistory } from "./catalogs/catalog-history.ts";
import type { Catalogs } from "./catalogs/catalogs.ts";
import type { Plans } from "./catalogs/plans.ts";
import type { DriftBoard } from "./drift/drift-board.ts";
import type { AllowList } from "./enrol/allow-list.ts";
import type { Enrolment } from "./enrol/enrolment.ts";
import type { JoinKeys } from "./enrol/join-keys.ts";
import type { Tokens } from "./enrol/tokens.ts";
import type { Events } from "./events/events.ts";
import type { Readings } from "./events/readings.ts";
import type { Subscribers } from "./events/subscribers.ts";
import type { Jobs } from "./jobs/jobs.ts";
import type { Keyring } from "./keyring.ts";
import type { Leader } from "./lead/lead.ts";
import type { Logger } from "./log.ts";
import type { Chunks } from "./mail/chunks.ts";
import type { Mailboxes } from "./mail/mailbox.ts";
import type { Leases } from "./maintenance/leases.ts";
import type { Netboot } from "./netboot/netboot.ts";
import type { InboxRead } from "./nodes/inbox-read.ts";
import type { Refused } from "./nodes/refusals.ts";
import type { Sessions } from "./nodes/sessions.ts";
import type { Whereabouts } from "./nodes/whereabouts.ts";
import type { Notifications } from "./notify/notifications.ts";
import type { Reactors } from "./reactors/reactors.ts";
import type { NodeRecord } from "./registry/node-record.ts";
import type { Registry } from "./registry/registry.ts";
import type { Revocations } from "./registry/revocations.ts";
import type { GenSecrets } from "./secrets/gen-secrets.ts";
import type { SecretResolver } from "./secrets/secret-resolver.ts";
import type { SiteCompiler } from "./site/site-compiler.ts";
import type { Store } from "./store/store.ts";
import type { Table } from "./store/table.ts";
import type { TerraformPlans } from "./terraform/terraform-plans.ts";

export interface Control {
  readonly bus: NatsConnection;
  readonly busTrust: BusTrust;
  readonly keyring: () => Keyring;
  readonly registry: Registry;
  readonly revocations: Revocations;
  readonly enrolment: Enrolment;
  readonly tokens: Tokens;
  readonly joinKeys: JoinKeys;
  readonly allowList: AllowList;
  /** Who may boot from the network, and how far each machine is. */
  readonly netboot: Netboot;
  readonly operators: Table<OperatorRecord>;
  readonly presence: Presence;
  readonly inboxRead: InboxRead;
  /** Which sites' own servers reach the centre. */
  readonly siteLines: SiteLines;
  /** Where nodes are reached. */
  readonly where: Whereabouts;
  readonly mailboxes: Mailboxes;
  readonly chunks: Chunks;
  readonly sessions: Sessions;
  readonly jobs: Jobs;
  /** Which job has its turn in which failure domain. */
  readonly leases: Leases;
  /** Who is told of what. */
  readonly notifications: Notifications;
  /** What the site says, evaluated in a process of its own. */
  readonly siteCompiler: SiteCompiler;
  readonly catalogs: Catalogs;
  readonly plans: Plans;
  /** Plans of Terraform, which lie on their nodes. */
  readonly terraform: TerraformPlans;
  readonly catalogHistory: CatalogHistory;
  /** Which nodes are not as their catalogs say. */
  readonly drift: DriftBoard;
  readonly secrets: SecretResolver;
  readonly genSecrets: GenSecrets;
  readonly store: Store;
  readonly events: Events;
  /** Where named readers of events stand. */
  readonly subscribers: Subscribers;
  /** What the site does by itself when something happens. */
  readonly reactors: Reactors;
  /** Readers of events that are kept between two questions. */
  readonly readings: Readings;
  /** Everything that is done here, recorded before it is done. */
  readonly audit: Audit;
  readonly auditCopier: AuditCopier;
  readonly requestAudit: RequestAudit;
  readonly nodeAudit: NodeAudit;
  readonly log: Logger;
  readonly startedAt: number;
  /** Rotates the working key under the root, here and on every node that listens; may name another release key. */
  readonly rotate: (rootKeyFile: string | undefined, release?: Uint8Array) => Promise<{ serial: number }>;
  /** Resolves when a node has no connection left. */
  readonly gone: (key: string) => Promise<void>;
  /** What a machine must know to knock: at the server of its site, if that has one. */
  readonly joinKit: (site?: unknown) => JoinKit;
  /** With what a node knocks should it have to ask anew. */
  readonly knockingOf: (node: Pick<NodeRecord, "assigned">) => Knocking[];
  readonly siteServers: (node: Pick<NodeRecord, "assigned">) => readonly string[] | undefined;
  /** Writes down what a machine must know to knock, for images that are built on this host. */
  readonly keepJoin: () => void;
  /** The site's names for targets. */
  readonly nodegroups: () => Nodegroups;
  /** Where the bus is, for credentials and join kits made now. */
  readonly servers: () => readonly string[];
  readonly ca: string | undefined;
  /** Who leads, and on which hosts others stand by. */
  readonly masters: () => Promise<{ readonly leader: Leader; readonly standBy: readonly string[] }>;
  readonly busInfo: () => { readonly version: string; readonly embedded: boolean };
  /** A message that means nothing good: it costs itself and one event that names its connection. */
  readonly refused: Refused;
}
