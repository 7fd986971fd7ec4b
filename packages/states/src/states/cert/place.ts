/**
 * Where a certificate and its key lie: `PATH/fullchain.pem` and `PATH/privkey.pem`, in a directory of their own for
 * each version, to which PATH is a link. So whoever reads finds two that belong together, at any moment.
 */
import { posix } from "node:path";

import { BomaError } from "@boma/protocol";

import type { Files, ReadFiles } from "../../host/files.ts";
import { aboveOf, Group, Mode, Owner, Path } from "../file/parameters.ts";

const CERTIFICATE = "fullchain.pem";
const KEY = "privkey.pem";
const BYTES_MAX = 1_048_576;

export const placeParams = {
  path: Path.describe("A link to the directory with `fullchain.pem` and `privkey.pem`."),
  owner: Owner.default("root"),
  group: Group.default("root"),
  mode: Mode.default("0600")
    .refine((mode) => !/[1-7]$/.test(mode), "others never read a private key")
    .describe("Of the private key; the certificate is readable by all."),
};
export interface Place {
  readonly path: string;
  readonly owner: string;
  readonly group: string;
  readonly mode: string;
}

export const claimsOf = ({ path }: Place): string[] => [`file:${path}`];
export const afterOf = ({ path, owner, group }: Place): string[] => [
  `user:${owner}`,
  `group:${group}`,
  ...aboveOf(path),
];

export interface Placed {
  readonly certificate: string;
  readonly privateKey: string;
  readonly protection: string;
}

/** What is there; `undefined` where there is nothing, or only a part. */
export async function readPlaced({ path }: Place, files: ReadFiles): Promise<Placed | undefined> {
  const link = await files.stat(path);
  if (link && link.type !== "link")
    throw new BomaError("state/wrong-type", `${path} is a ${link.type}, not a link to a pair of files`);
  const [chain, key] = [posix.join(path, CERTIFICATE), posix.join(path, KEY)];
  const stats = link && [await files.stat(chain), await files.stat(key)];
  if (!stats?.every((stat) => stat?.type === "file" && stat.bytes <= BYTES_MAX)) return undefined;
  const { owner, group, mode } = stats[1]!;
  return {
    certificate: await files.readText(chain),
    privateKey: await files.readText(key),
    protection: `${mode} ${owner}:${group}`,
  };
}

export const protectionOf = ({ owner, group, mode }: Place): string => `${mode} ${owner}:${group}`;

const prefixOf = (path: string): string => `.${posix.basename(path)}.v`;

/** Directories of versions that nothing points to: keys that should be gone. */
export async function staleIn({ path }: Place, files: ReadFiles): Promise<readonly string[]> {
  const above = posix.dirname(path);
  if ((await files.stat(above))?.type !== "directory") return [];
  const current =
    (await files.stat(path))?.type === "link" ? posix.basename(await files.readLink(path)) : undefined;
  const prefix = prefixOf(path);
  return (await files.list(above))
    .filter((name) => name.startsWith(prefix) && /^\d+$/.test(name.slice(prefix.length)) && name !== current)
    .map((name) => posix.join(above, name));
}

export async function place(
  to: Place,
  { certificate, privateKey }: Pick<Placed, "certificate" | "privateKey">,
  files: Files,
): Promise<void> {
  const above = posix.dirname(to.path);
  const prefix = prefixOf(to.path);
  const numbers = (await files.list(above)).map((name) =>
    name.startsWith(prefix) ? Number(name.slice(prefix.length)) : 0,
  );
  const name = `${prefix}${Math.max(0, ...numbers.filter(Number.isSafeInteger)) + 1}`;
  const version = posix.join(above, name);
  const { owner, group, mode } = to;
  await files.makeDirectory(version, { owner: "root", group: "root", mode: "0700" });
  await files.write(posix.join(version, CERTIFICATE), certificate, { owner, group, mode: "0644" });
  await files.write(posix.join(version, KEY), privateKey, { owner, group, mode });
  await files.chmod(version, "0755");
  await files.link(to.path, name);
  await removeStale(to, files);
}

export async function removeStale(of: Place, files: Files): Promise<void> {
  for (const stale of await staleIn(of, files)) await files.remove(stale, { recursive: true });
}
