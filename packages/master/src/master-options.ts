/** What a master is started with. */
import type { NatsConnection } from "nats";

import type { OperatorRecord } from "./api/rights.ts";
import type { AuditSettings } from "./audit/open-audit.ts";
import type { EmbeddedServer } from "./bus/server.ts";
import type { StreamOptions } from "./bus/streams.ts";
import type { BusTrust } from "./bus/trust.ts";
import type { Home } from "./home.ts";
import type { LeadRecord } from "./lead/lead-record.ts";
import type { Logger } from "./log.ts";

export interface MasterOptions {
  readonly home: Home;
  readonly trust: BusTrust;
  /** Where this master connects, and where others find the bus. */
  readonly url: string;
  readonly servers: readonly string[];
  /** The authority of the bus, PEM; absent on loopback. */
  readonly ca?: string | undefined;
  /** The server, where it is ours to start and to stop. */
  readonly server?: Pick<EmbeddedServer, "renew"> | undefined;
  /** The operator's site, on this host. */
  readonly site: string;
  /** The operator who may do everything on the master's own host. */
  readonly localOperator: OperatorRecord;
  readonly audit: AuditSettings;
  readonly streams: StreamOptions;
  readonly log: Logger;
  /** Another master leads, and this one waits; it may be called again. */
  readonly standsBy?: ((leader: LeadRecord) => void) | undefined;
  /** Ends the waiting. */
  readonly signal?: AbortSignal | undefined;
}

export type Connections = readonly [control: NatsConnection, system: NatsConnection];
