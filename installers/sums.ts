/** Digests of all files of a release, and their signature: what `install.sh` believes. */
import { createHash, createPrivateKey, sign } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

const SUMS = "SHA256SUMS";

export async function writeSums(
  dir: string,
  names: readonly string[],
  keyFile: string | undefined,
): Promise<readonly string[]> {
  const rows: string[] = [];
  for (const name of names.toSorted()) {
    const digest = createHash("sha256")
      .update(await readFile(join(dir, name)))
      .digest("hex");
    rows.push(`${digest}  ${name}\n`);
  }
  const text = Buffer.from(rows.join(""));
  await writeFile(join(dir, SUMS), text);
  if (keyFile === undefined) return [SUMS];
  const key = createPrivateKey(await readFile(keyFile));
  if (key.asymmetricKeyType !== "ed25519")
    throw new Error(`${keyFile} is no ed25519 key: make one with \`openssl genpkey -algorithm ed25519\``);
  await writeFile(join(dir, `${SUMS}.sig`), sign(null, text, key));
  return [SUMS, `${SUMS}.sig`];
}

/** Each file's digest and name. */
export async function readSums(dir: string): Promise<readonly (readonly [string, string])[]> {
  const rows = (await readFile(join(dir, SUMS), "utf8")).trimEnd().split("\n");
  return rows.map((row) => [row.slice(0, 64), row.slice(66)]);
}
