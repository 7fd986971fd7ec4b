/** Turns what a node said of a disk, and an operator was shown, into a token for that disk as it was. */
import { randomBytes } from "node:crypto";

import { BomaError, type PermitBody, signPermit } from "@boma/protocol";
import { DiskEvidence } from "@boma/states/core";

import type { Control } from "../control.ts";
import type { NodeRecord } from "../registry/node-record.ts";

/** What was looked at longer ago is looked at again. */
const EVIDENCE_MS = 15 * 60_000;

export interface Shown {
  readonly node: NodeRecord;
  readonly evidence: DiskEvidence;
}

/** The evidence as the node returned it to the master: what a client says of it counts for nothing. */
export async function shownBy(control: Control, job: string, operator: string): Promise<Shown> {
  const { store } = control.jobs;
  const record = await store.read(job);
  const [expected, ...others] = await store.expected(job);
  if (record.function !== "disk.evidence" || !expected || others.length > 0)
    throw refused(`job ${job} is not a disk.evidence of one node`);
  if (record.operator !== operator)
    throw refused(`job ${job} was shown to ${record.operator}, and not to ${operator}`);
  if (Date.now() - record.createdAt > EVIDENCE_MS)
    throw refused(`job ${job} looked at the disk too long ago: look again`);
  const ending = await store.ending(job, expected.key);
  const read = DiskEvidence.safeParse(ending?.value);
  if (ending?.status !== "ok" || !read.success) throw refused(`job ${job} came to no evidence`);
  const node = control.registry.byKey(expected.key);
  if (node?.status !== "approved") throw refused(`${expected.id} is no node any more`);
  const evidence = read.data;
  if (evidence.device !== record.args["device"]) throw refused(`${node.id} spoke of another device`);
  if (evidence.objections.length > 0)
    throw new BomaError(
      "permit/evidence",
      `${evidence.device} of ${node.id} is not to be wiped: ${evidence.objections.join("; ")}`,
    );
  return { node, evidence };
}

const refused = (why: string): BomaError => new BomaError("permit/refused", why);

interface Asked extends Shown {
  readonly job: string;
  readonly operator: string;
  readonly reason: string;
  readonly ttlMs: number;
}

export function permitFor(
  { keyring }: Pick<Control, "keyring">,
  { node, evidence, job, operator, reason, ttlMs }: Asked,
) {
  const { device: resource, digest, serial, bytes } = evidence;
  const id = randomBytes(16).toString("hex");
  const body: PermitBody = {
    id,
    action: "disk.wipe",
    resource,
    digest,
    serial,
    bytes,
    operator,
    reason,
    job,
  };
  const now = Date.now();
  const expires = now + ttlMs;
  return { id, expires, token: signPermit(body, { node: node.key, key: keyring().sign, now, expires }) };
}
