/** A node's result as it is recorded must be the one that this node signed, with the key that it had then. */
import { asBomaError, type Frame, NodeReturn, readFrame, sameBytes, unpackHostile } from "@boma/protocol";

import type { AuditEntry } from "./record.ts";
import { Signatures } from "./signatures.ts";

export class ResultCheck {
  checked = 0;
  readonly signatures = new Signatures();
  /** The signing keys as the chain itself says them, by node. */
  readonly #signs = new Map<string, string>();

  /** Calls back with what is wrong with the record; where that is its signature, perhaps later. */
  look(entry: AuditEntry, wrong: (what: string) => void): void {
    const { kind, node, sign, frame } = entry;
    if ((kind === "enrolled" || kind === "rekeyed") && typeof sign === "string")
      this.#signs.set(String(node), sign);
    if (kind !== "result" || entry["by"] === "master") return;
    if (typeof sign !== "string" || typeof frame !== "string")
      return wrong("the result carries no signature of its node");
    const known = this.#signs.get(String(node));
    if (known !== undefined && known !== sign)
      return wrong("the result is signed with a key that its node did not have");
    this.checked += 1;
    try {
      const read = readFrame(Buffer.from(frame, "base64"));
      const difference = differs(entry, sign, read);
      if (difference !== undefined) return wrong(difference);
      this.signatures.check(read, () => wrong("the node's signature does not hold"));
    } catch (thrown) {
      wrong(`the node's signature does not hold: ${asBomaError(thrown).message}`);
    }
  }
}

/** What stands in the record besides the signed bytes must be what they say. The whole schema was asked when the return came. */
function differs({ job, status }: AuditEntry, sign: string, frame: Frame): string | undefined {
  if (frame.kind !== NodeReturn.kind) return `what the node signed is no ${NodeReturn.kind}`;
  if (!sameBytes(frame.sender, Buffer.from(sign, "base64")))
    return "the node's signature does not hold: another key signed it";
  const { to, body } = unpackHostile(frame.bytes) as {
    to?: unknown;
    body?: { job?: unknown; status?: unknown };
  };
  if (to !== "master") return "what the node signed was not meant for a master";
  if (body?.job !== job) return "the result that the node signed is of another job";
  if (body?.status !== status)
    return `the node signed that it ended ${String(body?.status)}, not ${String(status)}`;
  return undefined;
}
