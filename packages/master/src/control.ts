/** The parts of a running master, as its doors and verbs use them. */
import type { JoinKit, Nodegroups } from "@boma/protocol";
import type { NatsConnection } from "nats";

import type { OperatorRecord } from "./api/rights.ts";
import type { Presence } from "./bus/presence.ts";
import type { BusTrust } from "./bus/trust.ts";
import type { CatalogHistory } from "./catalogs/catalog-history.ts";
import type { Catalogs } from "./catalogs/catalogs.ts";
import type { Plans } from "./catalogs/plans.ts";
import type { AllowList } from "./enrol/allow-list.ts";
import type { Enrolment } from "./enrol/enrolment.ts";
import type { Tokens } from "./enrol/tokens.ts";
import type { Events } from "./events/events.ts";
import type { Jobs } from "./jobs/jobs.ts";
import type { Keyring } from "./keyring.ts";
import type { Logger } from "./log.ts";
import type { Refused } from "./nodes/refusals.ts";
import type { Sessions } from "./nodes/sessions.ts";
import type { Registry } from "./registry/registry.ts";
import type { Revocations } from "./registry/revocations.ts";
import type { GenSecrets } from "./secrets/gen-secrets.ts";
import type { SecretResolver } from "./secrets/secret-resolver.ts";
import type { SiteCompiler } from "./site/site-compiler.ts";
import type { Table } from "./store/table.ts";

export interface Control {
  readonly bus: NatsConnection;
  readonly busTrust: BusTrust;
  readonly keyring: () => Keyring;
  readonly registry: Registry;
  readonly revocations: Revocations;
  readonly enrolment: Enrolment;
  readonly tokens: Tokens;
  readonly allowList: AllowList;
  readonly operators: Table<OperatorRecord>;
  readonly presence: Presence;
  readonly sessions: Sessions;
  readonly jobs: Jobs;
  /** What the site says, evaluated in a process of its own. */
  readonly siteCompiler: SiteCompiler;
  readonly catalogs: Catalogs;
  readonly plans: Plans;
  readonly catalogHistory: CatalogHistory;
  readonly secrets: SecretResolver;
  readonly genSecrets: GenSecrets;
  readonly events: Events;
  readonly log: Logger;
  readonly startedAt: number;
  /** Rotates the working key under the root, here and on every node that listens; may name another release key. */
  readonly rotate: (rootKeyFile: string | undefined, release?: Uint8Array) => Promise<{ serial: number }>;
  /** Resolves when a node has no connection left. */
  readonly gone: (key: string) => Promise<void>;
  /** What a machine must know to knock. */
  readonly joinKit: () => JoinKit;
  /** The site's names for targets. */
  readonly nodegroups: () => Nodegroups;
  /** Where the bus is, for credentials and join kits made now. */
  readonly servers: () => readonly string[];
  readonly ca: string | undefined;
  readonly busInfo: () => { readonly version: string; readonly embedded: boolean };
  /** A message that means nothing good: it costs itself and one event that names its connection. */
  readonly refused: Refused;
}
