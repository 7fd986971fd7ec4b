/**
 * Whether somebody could log in with a configuration of sshd: by its rules for
 * users, groups and root, by the way in that is left to them, and by the key that
 * lies there. A configuration without a fault may still let nobody in.
 */
import { posix } from "node:path";

import type { Account } from "../../host/accounts.ts";
import type { ReadHost } from "../../host/host.ts";
import { readLines } from "./authorized-keys.ts";
import { isOpenTo } from "./login-patterns.ts";
import { fingerprintOf, readPublicKey } from "./public-key.ts";
import type { Login } from "./server-settings.ts";
import type { Effective } from "./sshd-config.ts";

const KEYS_BYTES_MAX = 1_048_576;
const DAY_MS = 86_400_000;
const NO_SHELL = /\/(nologin|false)$/;

/** Why this login would be turned away; `undefined` when nothing is in its way. */
export async function whyTurnedAway(
  login: Login,
  effective: Effective,
  host: ReadHost,
): Promise<string | undefined> {
  const account = await host.accounts.user(login.user);
  if (!account) return `there is no user ${login.user}`;
  const groups = await groupsOf(account, host);
  return (
    closedAccount(account, effective) ??
    refusedByRule(login, groups, effective) ??
    (await withoutWayIn(login, account, { effective, host }))
  );
}

const first = (effective: Effective, keyword: string): string => effective.get(keyword)?.[0] ?? "";
const all = (effective: Effective, keyword: string): readonly string[] =>
  (effective.get(keyword) ?? []).flatMap((value) => value.split(/\s+/)).filter((word) => word !== "");

async function groupsOf(account: Account, { accounts }: ReadHost): Promise<readonly string[]> {
  const primary = (await accounts.groups()).find(({ gid }) => gid === account.gid);
  return [...account.groups, ...(primary ? [primary.name] : [])];
}

function closedAccount(
  { name, shell, expires, password }: Account,
  effective: Effective,
): string | undefined {
  if (NO_SHELL.test(shell)) return `the shell of ${name} is ${shell}`;
  if (expires !== undefined && expires * DAY_MS <= Date.now()) return `the account of ${name} has expired`;
  // Without PAM sshd itself takes a locked password for a locked account.
  if (first(effective, "usepam") === "no" && password?.startsWith("!"))
    return `${name} is locked, and without PAM no key helps against that`;
  return undefined;
}

function refusedByRule(
  { user, from }: Login,
  groups: readonly string[],
  effective: Effective,
): string | undefined {
  const denied = all(effective, "denyusers").find((pattern) => isOpenTo(pattern, user, from));
  if (denied !== undefined) return `DenyUsers ${denied} keeps ${user} out`;
  const users = all(effective, "allowusers");
  if (users.length > 0 && !users.some((pattern) => isOpenTo(pattern, user, from)))
    return `AllowUsers ${users.join(" ")} does not let ${user} in from ${from}`;
  const isIn = (pattern: string): boolean => groups.some((group) => isOpenTo(pattern, group, from));
  const deniedGroup = all(effective, "denygroups").find(isIn);
  if (deniedGroup !== undefined) return `DenyGroups ${deniedGroup} keeps ${user} out`;
  const allowed = all(effective, "allowgroups");
  if (allowed.length > 0 && !allowed.some(isIn))
    return `AllowGroups ${allowed.join(" ")} names none of the groups of ${user} (${groups.join(" ")})`;
  const root = first(effective, "permitrootlogin");
  if (user === "root" && (root === "no" || root === "forced-commands-only"))
    return `PermitRootLogin is ${root}`;
  return undefined;
}

interface Place {
  readonly effective: Effective;
  readonly host: ReadHost;
}

async function withoutWayIn(login: Login, account: Account, place: Place): Promise<string | undefined> {
  const { effective } = place;
  if (login.key === undefined && hasOtherWay(account, effective)) return undefined;
  const methods = all(effective, "authenticationmethods").filter((one) => one !== "any");
  if (methods.length > 0 && !methods.includes("publickey"))
    return `a key alone is not enough for ${account.name}: AuthenticationMethods ${methods.join(" ")}`;
  if (first(effective, "pubkeyauthentication") !== "yes")
    return `PubkeyAuthentication is off for ${account.name}`;
  return withoutKey(login, account, place);
}

/** A certificate, or a password where nobody said with which key it must be. */
function hasOtherWay({ name, password }: Account, effective: Effective): boolean {
  if (!["", "none"].includes(first(effective, "trustedusercakeys"))) return true;
  const asks =
    first(effective, "passwordauthentication") === "yes" ||
    first(effective, "kbdinteractiveauthentication") === "yes";
  const asRoot = name !== "root" || first(effective, "permitrootlogin") === "yes";
  return asks && asRoot && (password?.startsWith("$") ?? false);
}

async function withoutKey(
  { key, from }: Login,
  account: Account,
  { effective, host }: Place,
): Promise<string | undefined> {
  const wanted = key === undefined ? undefined : readPublicKey(key);
  const refusals: string[] = [];
  for (const path of keyFilesOf(account, effective)) {
    const fault = await unreadable(path, account, { effective, host });
    if (fault !== undefined) {
      refusals.push(fault);
      continue;
    }
    const lines = readLines(await host.files.readText(path)).filter(({ blob }) => blob !== undefined);
    const ours = lines.filter(({ blob }) => wanted === undefined || blob === wanted.blob);
    const open = ours.filter(({ text }) => isUsable(text, from, effective));
    if (open.length > 0) return undefined;
    refusals.push(
      ours.length > 0 ? `what stands in ${path} is not accepted from ${from}` : `${path} has no such key`,
    );
  }
  const what = wanted === undefined ? "no key" : `the key ${fingerprintOf(wanted)} does not`;
  const lets = wanted === undefined ? "lets" : "let";
  return `${what} ${lets} ${account.name} in: ${refusals.join("; ") || "AuthorizedKeysFile is none"}`;
}

function keyFilesOf({ home, name, uid }: Account, effective: Effective): readonly string[] {
  const words: Readonly<Record<string, string>> = { "%h": home, "%u": name, "%U": String(uid), "%%": "%" };
  return all(effective, "authorizedkeysfile")
    .filter((path) => path !== "none")
    .map((path) => path.replaceAll(/%[huU%]/g, (token) => words[token]!))
    .map((path) => (path.startsWith("/") ? path : posix.join(home, path)));
}

/** What sshd holds against the file: with StrictModes nobody else may be able to write it, or what is above it. */
async function unreadable(
  path: string,
  account: Account,
  { effective, host }: Place,
): Promise<string | undefined> {
  const { files } = host;
  const home = (await files.stat(account.home)) && account.home;
  if (home === undefined && path.startsWith(`${account.home}/`)) return `there is no ${account.home}`;
  const strict = first(effective, "strictmodes") !== "no";
  const own = [account.name, String(account.uid), "root", "0"];
  for (const at of [...ancestors(path, account.home), path]) {
    const stat = await files.stat(at);
    if (!stat) return `there is no ${at}`;
    if (strict && stat.type !== "link" && (Number.parseInt(stat.mode, 8) & 0o022) !== 0)
      return `others may write ${at} (${stat.mode})`;
    if (strict && !own.includes(stat.owner)) return `${at} belongs to ${stat.owner}`;
    if (at === path && stat.type !== "file") return `${at} is a ${stat.type}`;
    if (at === path && stat.bytes > KEYS_BYTES_MAX) return `${at} has ${stat.bytes} bytes`;
  }
  return undefined;
}

/** From the home down where it is below it, else from the root. */
function ancestors(path: string, home: string): readonly string[] {
  const parts = path.split("/").slice(1, -1);
  const above = parts.map((_, index) => `/${parts.slice(0, index + 1).join("/")}`);
  return path.startsWith(`${home}/`)
    ? above.filter((one) => one === home || one.startsWith(`${home}/`))
    : above;
}

/** A line with a forced command opens no shell; one with `from` opens from there only. */
function isUsable(text: string, from: string, effective: Effective): boolean {
  const [options = "", type = ""] = optionsAndType(text);
  if (/(^|,)(command="|cert-authority)/i.test(options)) return false;
  const origin = /(?:^|,)from="([^"]*)"/i.exec(options)?.[1];
  if (origin !== undefined && !origin.split(",").some((pattern) => isOpenTo(`*@${pattern}`, "", from)))
    return false;
  const accepted = first(effective, "pubkeyacceptedalgorithms");
  const names = type === "ssh-rsa" ? ["rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"] : [type];
  return accepted === "" || names.some((name) => accepted.split(",").includes(name));
}

function optionsAndType(text: string): readonly string[] {
  const found =
    /^\s*(?:((?:[^\s"]|"(?:[^"\\]|\\.)*")+)\s+)?((?:sk-)?(?:ssh|ecdsa)-[a-z0-9@.-]+)\s+[A-Za-z0-9+/]{40}/.exec(
      text,
    );
  return found ? [found[1] ?? "", found[2]!] : [];
}
