/** A part of the audit in one file that needs nothing else: what the root is, the records as they are, the signed heads. */
import { open } from "node:fs/promises";

export interface Bundled {
  readonly root: string;
  readonly chain: string;
  readonly lines: AsyncIterable<string>;
  readonly heads: readonly string[];
}

/** `audit-verify.mjs` reads it with nothing but Node. */
export async function writeBundle(path: string, { root, chain, lines, heads }: Bundled): Promise<number> {
  const file = await open(path, "w", 0o600);
  let count = 0;
  try {
    await file.write(`${JSON.stringify({ boma: "audit", version: 1, root, chain })}\n`);
    for await (const line of lines) {
      await file.write(`${line}\n`);
      count += 1;
    }
    for (const head of heads) await file.write(`${head}\n`);
    await file.sync();
    return count;
  } finally {
    await file.close();
  }
}
