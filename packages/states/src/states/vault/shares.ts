/**
 * A share on its way from its holder to the one Vault that it is for. The node makes a key for it that lives in memory
 * and opens one box: what is kept of the job, wherever it lies, can be opened by nobody, also not later.
 */
import { BomaError, newSealingKey, openSealed, type SealingKey } from "@boma/protocol";

const LIVES_MS = 5 * 60_000;
const WAITING_MAX = 16;

interface Waiting {
  readonly key: SealingKey;
  readonly endsAt: number;
}

const waiting = new Map<string, Waiting>();

/** The public half, in hex: whoever has a share seals it to this. */
export function awaitShare(now = performance.now()): { key: string; seconds: number } {
  for (const [name, { endsAt }] of waiting)
    if (endsAt <= now || waiting.size >= WAITING_MAX) waiting.delete(name);
  const key = newSealingKey();
  const name = Buffer.from(key.publicKey).toString("hex");
  waiting.set(name, { key, endsAt: now + LIVES_MS });
  return { key: name, seconds: LIVES_MS / 1000 };
}

/** What was sealed to a key of ours; the key is gone afterwards, whatever came. */
export function openShare(name: string, sealed: string, now = performance.now()): string {
  const found = waiting.get(name);
  waiting.delete(name);
  if (!found || found.endsAt <= now)
    throw new BomaError(
      "vault/share",
      "this node does not wait for a share with that key: it is too late, or was used",
      {
        hint: "Ask again with `boma-master vault unseal NODE`.",
      },
    );
  try {
    return Buffer.from(openSealed(Buffer.from(sealed, "base64"), found.key)).toString("utf8");
  } catch (cause) {
    throw new BomaError("vault/share", "the share did not arrive as it was sealed", { cause });
  }
}
