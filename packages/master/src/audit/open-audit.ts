/** The audit of a running master, opened before anything acts: the chain, its copy on the bus, and those who write into it. */
import { subjects } from "@boma/protocol";

import type { Events } from "../events/events.ts";
import type { Home } from "../home.ts";
import type { Keyring } from "../keyring.ts";
import type { Lead } from "../lead/lead.ts";
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
  readonly lead: Pick<Lead, "term" | "succeeds">;
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
  { home, keyring, store, registry, events, lead, log }: Parts,
  settings: AuditSettings,
): Promise<OpenedAudit> {
  const audit = await Audit.open({ dir: auditDir(home), keyring, log, ...settings });
  await compareWithBus(audit, { store, root: keyring().root, lead });
  await recordSuccession(audit, { store, lead });
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
    jobAudit: new JobAudit({
      audit,
      others: (since) => auditCopier.ofOthers(since),
      node: (key) => registry.byKey(key),
    }),
  };
}

/** The stream of heads can neither be purged nor edited. */
async function compareWithBus(
  audit: Audit,
  { store, root, lead }: Pick<Parts, "store" | "lead"> & { readonly root: Uint8Array },
): Promise<void> {
  const { chain, last } = audit.status;
  // One that begins anew on the home that led last has lost the chain before; on another home it is a further master's.
  if (last === 0 && lead.succeeds) return;
  const line = await lastHead(store, last === 0 ? "*" : chain);
  if (line === undefined) return;
  await audit.compare(witnessed([line], { root, ...(last > 0 && { chain }) }), "stream WITNESS");
}

/** Whose work this master goes on with, and how far that one's chain was signed: the chains hold on to each other. */
async function recordSuccession(audit: Audit, { store, lead }: Pick<Parts, "store" | "lead">): Promise<void> {
  if (!lead.succeeds) return;
  const { term, host } = lead.succeeds;
  const head = await lastHead(store, "*");
  await audit.later({ kind: "leads", term: lead.term, after: { term, host }, ...(head && { head }) });
}

async function lastHead(store: Store, chain: string): Promise<string | undefined> {
  const found = await store.last(STREAM.witness, subjects.witness(chain));
  return found && Buffer.from(found.data).toString("utf8");
}
