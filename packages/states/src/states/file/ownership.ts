/** Whose a file is and who may do what with it, as the states of files compare and change it. */
import { BomaError } from "@boma/protocol";

import type { Changes } from "../../changes.ts";
import type { Files, FileStat, Ownership, ReadFiles } from "../../host/files.ts";
import type { ReadHost } from "../../host/host.ts";

/** What is there in the words of what is wanted: an owner who is named by number is compared by number. */
export const ownershipOf = (now: FileStat, want: Ownership) => ({
  mode: now.mode,
  owner: isNumber(want.owner) ? String(now.uid) : now.owner,
  group: isNumber(want.group) ? String(now.gid) : now.group,
});
const isNumber = (account: string | undefined): boolean => account !== undefined && /^\d+$/.test(account);

type Owned = { mode: string; owner: string; group: string };

/** The owner first: a mode with a set-user bit is to be what stays. */
export async function own(
  files: Files,
  path: string,
  { owner, group, mode }: Pick<Changes<Owned>, keyof Owned>,
): Promise<void> {
  if (owner || group) await files.chown(path, { owner: owner?.to, group: group?.to });
  if (mode) await files.chmod(path, mode.to);
}

/** The claims of who is to own it: a user or group that the catalog makes comes first. */
export const ownersOf = ({ owner, group }: Ownership): string[] => [
  ...(owner === undefined ? [] : [`user:${owner}`]),
  ...(group === undefined ? [] : [`group:${group}`]),
];

interface Wanted extends Ownership {
  readonly path: string;
  readonly createDirs?: boolean;
}

/** What making it would run into: a directory above that is not there, an owner whom the machine does not know. */
export async function inTheWay(
  { path, createDirs = false, owner, group }: Wanted,
  { files, accounts }: ReadHost,
): Promise<string | undefined> {
  const above = path.slice(0, path.lastIndexOf("/")) || "/";
  if (!createDirs && !(await files.stat(above))) return `${path} cannot be made: ${above} is not there`;
  if (await isNobody(owner, (name) => accounts.user(name)))
    return `${path} cannot belong to ${owner}: there is no such user`;
  if (await isNobody(group, (name) => accounts.group(name)))
    return `${path} cannot belong to ${group}: there is no such group`;
  return undefined;
}

/** Confined agents know no accounts, and cannot tell. */
const isNobody = async (
  name: string | undefined,
  find: (name: string) => Promise<unknown>,
): Promise<boolean> =>
  name !== undefined &&
  !isNumber(name) &&
  (await find(name).then(
    (found) => found === undefined,
    () => false,
  ));

/** Makes the directories above a path that are not there, each with mode 0755. */
export async function makeAbove(files: Files, path: string): Promise<void> {
  const parts = path.split("/").slice(1, -1);
  for (let end = 1; end <= parts.length; end++) {
    const above = `/${parts.slice(0, end).join("/")}`;
    if (!(await files.stat(above))) await files.makeDirectory(above);
  }
}

/** Puts nothing in the way: what a killed run left is taken away first. */
export async function clear(files: Files, path: string): Promise<void> {
  if (await files.stat(path)) await files.remove(path, { recursive: true });
}

/** Of the thing itself, or an error that says what lies there instead. */
export async function statAs(
  files: ReadFiles,
  path: string,
  type: "file" | "directory",
): Promise<FileStat | undefined> {
  const now = await files.stat(path);
  if (now && now.type !== type) throw wrongType(path, now, `a ${type}`);
  return now;
}

export const wrongType = (path: string, now: FileStat, wanted: string): BomaError =>
  new BomaError("state/wrong-type", `${path} is a ${NAMES[now.type]}, not ${wanted}`);
const NAMES = {
  file: "file",
  directory: "directory",
  link: "symbolic link",
  other: "device, socket or pipe",
} as const;
