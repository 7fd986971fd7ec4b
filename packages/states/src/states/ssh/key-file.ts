/** The authorized_keys of a user: a file in a directory that somebody else may change at any time. */
import { posix } from "node:path";

import type { Account } from "../../host/accounts.ts";
import type { FileStat } from "../../host/files.ts";
import type { Host, ReadHost } from "../../host/host.ts";
import { Path } from "../file/parameters.ts";
import { blocked } from "../user/parameters.ts";
import { type Line, readLines } from "./authorized-keys.ts";

const BYTES_MAX = 1_048_576;

export interface KeyFile {
  readonly account: Account;
  readonly path: string;
  readonly directory: FileStat | undefined;
  readonly file: FileStat | undefined;
  readonly lines: readonly Line[];
}

/** `undefined` when there is no such user yet. */
export async function readKeyFile(user: string, { accounts, files }: ReadHost): Promise<KeyFile | undefined> {
  const account = await accounts.user(user);
  if (!account) return undefined;
  if (!Path.safeParse(account.home).success || account.home === "/")
    throw blocked(`the home of ${user} is ${JSON.stringify(account.home)}, where no key can be`);
  const home = await files.stat(account.home);
  const above = posix.join(account.home, ".ssh");
  const path = posix.join(above, "authorized_keys");
  const directory = home && (await files.stat(above));
  assertOwn(directory, above, "directory", account);
  const file = directory && (await files.stat(path));
  assertOwn(file, path, "file", account);
  if (file && file.bytes > BYTES_MAX) throw blocked(`${path} has ${file.bytes} bytes, more than keys need`);
  const lines = file ? readLines(await files.readText(path)) : [];
  return { account, path, directory, file, lines };
}

/** Whoever owns the home could point a link anywhere, and have it written as root. */
function assertOwn(
  stat: FileStat | undefined,
  path: string,
  type: "directory" | "file",
  { name, uid }: Account,
): void {
  if (!stat) return;
  if (stat.type !== type)
    throw blocked(
      `${path} is a ${stat.type}, not a ${type}`,
      "It is not followed. Look at who put it there.",
    );
  if (type === "file" && stat.links > 1)
    throw blocked(`${path} has another name elsewhere (a hard link)`, "Remove it; it is made anew.");
  if (![name, String(uid), "root"].includes(stat.owner))
    throw blocked(`${path} belongs to ${stat.owner}, not to ${name}`);
}

export interface Protection {
  readonly directory: string;
  readonly file: string;
}

const WANTED = { directory: "0700", file: "0600" };

/** Who owns the two, and with which mode, in one word each. */
export function protectionOf({ directory, file, account }: KeyFile): {
  is: Partial<Protection>;
  should: Protection;
} {
  const word = (stat: FileStat): string =>
    `${stat.mode} ${stat.owner === String(account.uid) ? account.name : stat.owner}`;
  return {
    is: { ...(directory && { directory: word(directory) }), ...(file && { file: word(file) }) },
    should: {
      directory: `${WANTED.directory} ${account.name}`,
      file: `${WANTED.file} ${account.name}`,
    },
  };
}

/** Looks once more right before it writes: what was a directory may be a link by now. */
export async function writeKeyFile(
  user: string,
  host: Host,
  change: (lines: readonly Line[]) => string,
): Promise<void> {
  const found = await readKeyFile(user, host);
  if (!found) throw blocked(`there is no user ${user}`, "Declare it: user.present.");
  const { account, path, directory, file, lines } = found;
  const { files } = host;
  const owner = { owner: account.name, group: String(account.gid) };
  const above = posix.dirname(path);
  if (!directory) await files.makeDirectory(above, { ...owner, mode: WANTED.directory });
  else {
    if (directory.owner !== account.name) await files.chown(above, owner);
    if (directory.mode !== WANTED.directory) await files.chmod(above, WANTED.directory);
  }
  const text = change(lines);
  if (file || text !== "") await files.write(path, text, { ...owner, mode: WANTED.file });
}
