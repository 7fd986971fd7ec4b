/**
 * Moving to new keys. The old signing key asks, the new one proves that it is
 * held; the new keys are on the disk before the master hears of them, so that
 * whichever side loses the answer, one of the two key sets is a good one.
 */
import {
  BomaError,
  MasterRekeyed,
  newNonce,
  NodeRekey,
  open,
  rekeyStatement,
  sameBytes,
  seal,
  signBytes,
  splitManifest,
  subjects,
} from "@boma/protocol";

import type { HelloPorts } from "./hello.ts";
import { publicKeys } from "./identity.ts";

const REKEYED_MS = 10_000;

/** On return the identity holds the new keys; the caller must connect anew. */
export async function rekey({ bus, identity, trust, time }: HelloPorts): Promise<void> {
  const keys = await identity.makeNextKeys();
  const next = publicKeys(keys);
  const nonce = newNonce();
  const body = { ...next, possession: signBytes(rekeyStatement(next, identity.key), keys.sign) };
  const frame = seal(NodeRekey, body, { to: "master", key: identity.keys.sign, nonce, now: time.now() });
  const answer = await bus.request(subjects.rpc(identity.key, "rekey"), frame, { timeoutMs: REKEYED_MS });
  const { manifest, frame: rekeyed } = splitManifest(answer.data);
  await trust.accept(manifest);
  const read = open(MasterRekeyed, rekeyed, { trusts: trust.trusts, to: identity.key, now: null }).body;
  if (!sameBytes(read.nonce, nonce))
    throw new BomaError("wire/replay", "the master's answer belongs to another rekey");
  await identity.adoptNextKeys(keys, read);
}
