/**
 * What an initialisation gave, on the disk of the node that asked for it. Vault says it once only: the intent is
 * written before it is asked, so that an answer that was lost is known to be. Nothing here can be read without the
 * keys of those whom it is for.
 */
import { createHash } from "node:crypto";

import { BomaError } from "@boma/protocol";
import { z } from "zod";

import type { Files, ReadFiles } from "../../host/files.ts";
import { makeDirectories } from "../owned-file.ts";

const DIRECTORY = "/var/lib/boma/vault-init";

export const ClusterName = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, "small letters, digits and `-`");

const Sealed = z.strictObject({ name: z.string(), fingerprint: z.string(), share: z.base64() });
export const KeptShares = z.strictObject({
  cluster: z.string(),
  address: z.string(),
  at: z.iso.datetime(),
  threshold: z.int(),
  /** Each encrypted to the key of its holder. */
  holders: z.array(Sealed),
  rootToken: z.strictObject({ fingerprint: z.string(), token: z.base64() }),
});
export type KeptShares = z.output<typeof KeptShares>;

export const keptPath = (cluster: string): string => `${DIRECTORY}/${cluster}.json`;
export const intentPath = (cluster: string): string => `${DIRECTORY}/${cluster}.intent`;

/** `none`: nothing was begun here, or all of it is done. `lost`: it was asked, and nobody has the answer. */
export async function keptOf(cluster: string, files: ReadFiles): Promise<"none" | "intended" | "kept"> {
  if (await files.stat(keptPath(cluster))) return "kept";
  return (await files.stat(intentPath(cluster))) ? "intended" : "none";
}

export async function keepIntent(cluster: string, address: string, files: Files): Promise<void> {
  await makeDirectories(files, DIRECTORY.slice(0, DIRECTORY.lastIndexOf("/")));
  if (!(await files.stat(DIRECTORY))) await files.makeDirectory(DIRECTORY, { mode: "0700" });
  const intent = { cluster, address, at: new Date().toISOString() };
  await files.write(intentPath(cluster), `${JSON.stringify(intent)}\n`, { mode: "0600" });
}

export async function keepShares(shares: KeptShares, files: Files): Promise<void> {
  const text = `${JSON.stringify(shares, undefined, 2)}\n`;
  await files.write(keptPath(shares.cluster), text, { owner: "root", group: "root", mode: "0400" });
  await files.remove(intentPath(shares.cluster));
}

/** What is kept, and the digest by which whoever forgets it says what he has. */
export async function sharesOf(
  cluster: string,
  files: ReadFiles,
): Promise<{ shares: KeptShares; digest: string }> {
  if (!(await files.stat(keptPath(cluster))))
    throw new BomaError("vault/shares", `no shares of ${cluster} are kept on this node`, {
      hint: "They are on the node that was initialised, until somebody has fetched them.",
    });
  const text = await files.readText(keptPath(cluster));
  const read = KeptShares.safeParse(JSON.parse(text));
  if (!read.success)
    throw new BomaError("vault/shares", `${keptPath(cluster)} is not what an initialisation has left`);
  return { shares: read.data, digest: createHash("sha256").update(text).digest("hex") };
}

export async function forgetShares(cluster: string, files: Files): Promise<void> {
  for (const path of [keptPath(cluster), intentPath(cluster)])
    if (await files.stat(path)) await files.remove(path);
}
