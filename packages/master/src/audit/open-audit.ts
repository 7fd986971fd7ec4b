/** The audit of a running master, opened before anything acts: the chain, its copy on the bus, and those who write into it. */
import { subjects } from "@boma/protocol";

import type { Events } from "../events/events.ts";
import type { Home } from "../home.ts";
import type { Keyring } from "../keyring.ts";
import type { Logger } from "../log.ts";
import type { Registry } from "../registry/registry.ts";
import { type Store, STREAM } from "../store/store.ts";
import { Audit } from "./audit.ts";
import { AuditCopier } from "./copier.ts";
import { witnessed } from "./head-book.ts";
import { JobAudit } from "./job-audit.ts";
import { NodeAudit } from "./node-audit.ts";
import { RequestAudit } from "./request-audit.ts";
import type { Keep } from "./retention.ts";
import { auditDir } from "./segments.ts";

export interface AuditSettings {
  readonly keep: Keep;
  readonly witnessFile?: string | undefined;
}

interface Parts {
  readonly home: Home;
  readonly keyring: () => Keyring;
  readonly store: Store;
  readonly registry: Registry;
  readonly events: Events;
  readonly log: Logger;
}

export interface OpenedAudit {
  readonly audit: Audit;
  readonly auditCopier: AuditCopier;
  readonly requestAudit: RequestAudit;
  readonly nodeAudit: NodeAudit;
  readonly jobAudit: JobAudit;
}

export async function openAudit(
  { home, keyring, store, registry, events, log }: Parts,
  settings: AuditSettings,
): Promise<OpenedAudit> {
  const audit = await Audit.open({ dir: auditDir(home), keyring, log, ...settings });
  await compareWithBus(audit, { store, root: keyring().root });
  const alarm = (message: string) =>
    events.tell({ kind: "master.alarm", data: { what: "audit", message: message.slice(0, 2000) } });
  if (audit.status.lacking !== undefined) alarm(audit.status.lacking);
  let before: string | undefined;
  audit.listen(() => {
    const { trouble } = audit.status;
    if (trouble !== undefined && before === undefined) alarm(`the audit cannot be written: ${trouble}`);
    before = trouble;
  });
  const auditCopier = await AuditCopier.start({ store, audit, log, alarm });
  return {
    audit,
    auditCopier,
    requestAudit: new RequestAudit(audit),
    nodeAudit: new NodeAudit(audit),
    jobAudit: new JobAudit({ audit, node: (key) => registry.byKey(key) }),
  };
}

/** The stream of heads can neither be purged nor edited; a chain that begins anew beside it has lost the one before. */
async function compareWithBus(
  audit: Audit,
  { store, root }: { readonly store: Store; readonly root: Uint8Array },
): Promise<void> {
  const { chain, last } = audit.status;
  const found = await store.last(STREAM.witness, subjects.witness(last === 0 ? "*" : chain));
  if (!found) return;
  const line = Buffer.from(found.data).toString("utf8");
  await audit.compare(witnessed([line], { root, ...(last > 0 && { chain }) }), "stream WITNESS");
}
