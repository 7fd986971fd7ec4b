/**
 * The port of accounts: read from the files themselves, written through the
 * tools of the shadow suite, which lock them and keep them consistent.
 */
import { readdir, readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";

import { BomaError } from "@boma/protocol";
import {
  type Account,
  type AccountChange,
  type Accounts,
  type Group,
  type GroupLine,
  type PasswdLine,
  type Port,
  type Read,
  type ReadAccounts,
  readGroup,
  readPasswd,
  readShadow,
  type ShadowLine,
} from "@boma/states/core";

import { hasCode } from "../files.ts";
import type { Tools } from "./tools.ts";

const PASSWD = "/etc/passwd";
const GROUP = "/etc/group";
const SHADOW = "/etc/shadow";
/** How long processes that were killed may take to be gone. */
const END_STEPS = 100;
const END_STEP_MS = 50;

interface Files {
  readonly passwd: Read<PasswdLine>;
  readonly group: Read<GroupLine>;
  /** `undefined` where this process may not read it. */
  readonly shadow: Read<ShadowLine> | undefined;
}

export function realAccounts(tools: Tools): Port<ReadAccounts, Accounts> {
  const read = readHalf(tools);
  return { read, write: { ...read, ...writeHalf(tools) } };
}

function readHalf({ files, commands }: Tools): ReadAccounts {
  const shadow = async (): Promise<Read<ShadowLine> | undefined> => {
    try {
      return readShadow(await files.readText(SHADOW));
    } catch (thrown) {
      if (hasCode(thrown, "state/file-denied") || hasCode(thrown, "state/file-missing")) return undefined;
      throw thrown;
    }
  };
  const all = async (): Promise<Files> => ({
    passwd: readPasswd(await files.readText(PASSWD)),
    group: readGroup(await files.readText(GROUP)),
    shadow: await shadow(),
  });
  /** Whatever else the machine asks for names. Without getent there is nothing else. */
  const elsewhere = async <T>(
    database: string,
    name: string,
    read: (text: string) => Read<T>,
  ): Promise<T | undefined> => {
    const { exitCode, stdout } = await commands.read({ argv: ["getent", database, name] });
    return exitCode === 0 ? read(stdout).lines[0] : undefined;
  };
  return {
    async user(name) {
      const known = await all();
      const local = known.passwd.lines.find((line) => line.name === name);
      if (local) return accountOf(local, known, true);
      const foreign = await elsewhere("passwd", name, readPasswd);
      return foreign?.name === name ? accountOf(foreign, known, false) : undefined;
    },
    async group(name) {
      const local = readGroup(await files.readText(GROUP)).lines.find((line) => line.name === name);
      if (local) return { ...local, local: true };
      const foreign = await elsewhere("group", name, readGroup);
      return foreign?.name === name ? { ...foreign, local: false } : undefined;
    },
    async users() {
      const known = await all();
      return known.passwd.lines.map((line) => accountOf(line, known, true));
    },
    async groups() {
      return readGroup(await files.readText(GROUP)).lines.map((line): Group => ({ ...line, local: true }));
    },
    async oddities() {
      const { passwd, group, shadow: hidden } = await all();
      const named = (path: string, oddities: readonly string[] = []) =>
        oddities.map((odd) => `${path}:${odd}`);
      return [
        ...named(PASSWD, passwd.oddities),
        ...named(GROUP, group.oddities),
        ...named(SHADOW, hidden?.oddities),
      ];
    },
    processesOf: async (uid) => (await processesOf(uid)).length,
    ownUid: async () => process.getuid?.() ?? 0,
  };
}

function accountOf(line: PasswdLine, { group, shadow }: Files, local: boolean): Account {
  const hidden = shadow?.lines.find(({ name }) => name === line.name);
  const groups = group.lines.filter(({ members }) => members.includes(line.name)).map(({ name }) => name);
  return { ...line, groups: groups.sort(), password: hidden?.password, expires: hidden?.expires, local };
}

/** Every process with this uid as its real or effective one. */
async function processesOf(uid: number): Promise<readonly number[]> {
  const found: number[] = [];
  for (const name of await readdir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    // One that ended meanwhile has no status any more.
    const status = await readFile(`/proc/${name}/status`, "utf8").catch(() => "");
    const [, real, effective] = /^Uid:\s+(\d+)\s+(\d+)/m.exec(status) ?? [];
    const isZombie = /^State:\s+Z/m.test(status);
    if (!isZombie && (Number(real) === uid || Number(effective) === uid)) found.push(Number(name));
  }
  return found;
}

type WriteHalf = Omit<Accounts, keyof ReadAccounts>;

function writeHalf({ commands }: Tools): WriteHalf {
  const must = async (...argv: readonly string[]): Promise<void> => void (await commands.must({ argv }));
  return {
    addUser: (name, { system, group, ...account }) => {
      const own = group === undefined ? ["--user-group"] : ["--gid", group];
      return must(
        "useradd",
        "--no-create-home",
        ...own,
        ...(system ? ["--system"] : []),
        ...optionsOf(account),
        "--",
        name,
      );
    },
    changeUser: (name, change) => must("usermod", ...optionsOf(change), "--", name),
    removeUser: (name) => must("userdel", "--", name),
    setPassword: async (name, hash) => {
      // A line of its own would be another account.
      if (/[:\n\r\0]/.test(`${name}${hash}`))
        throw new BomaError("state/params", `the password of ${name} is not a hash`);
      await commands.must({ argv: ["chpasswd", "--encrypted"], stdin: `${name}:${hash}\n`, quiet: true });
    },
    endProcesses,
    addGroup: (name, { gid, system }) =>
      must(
        "groupadd",
        ...(system ? ["--system"] : []),
        ...(gid === undefined ? [] : ["--gid", String(gid)]),
        "--",
        name,
      ),
    changeGid: (name, gid) => must("groupmod", "--gid", String(gid), "--", name),
    setMembers: (name, members) => must("gpasswd", "--members", members.join(","), name),
    removeGroup: (name) => must("groupdel", "--", name),
  };
}

function optionsOf({ uid, group, groups, home, shell, comment, expires }: AccountChange): string[] {
  const option = (name: string, value: string | number | undefined): string[] =>
    value === undefined ? [] : [name, String(value)];
  return [
    ...option("--uid", uid),
    ...option("--gid", group),
    ...option("--groups", groups?.join(",")),
    ...option("-d", home),
    ...option("--shell", shell),
    ...option("--comment", comment),
    ...option("--expiredate", expires === "never" ? "" : expires),
  ];
}

/** Kills again what was born meanwhile, until nobody is left. */
async function endProcesses(uid: number): Promise<void> {
  if (uid === 0 || uid === process.getuid?.())
    throw new BomaError(
      "state/blocked",
      `the processes of the uid ${uid} are not ended: the agent is one of them`,
    );
  for (let step = 0; step < END_STEPS; step++) {
    const living = await processesOf(uid);
    if (living.length === 0) return;
    for (const pid of living) kill(pid);
    await delay(END_STEP_MS);
  }
  throw new BomaError("state/blocked", `processes of the uid ${uid} live on though they were killed`);
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (thrown) {
    if (!hasCode(thrown, "ESRCH")) throw thrown;
  }
}
