/** Users and groups of memory, with the rules of useradd and its kin: what those refuse is refused here. */
import type { Account, AccountChange, Group } from "../host/accounts.ts";
import type { Given } from "./given.ts";

type User = { -readonly [K in keyof Omit<Account, "groups">]: Account[K] } & { processes: number };
type Members = { -readonly [K in keyof Group]: Group[K] };

const DAY_MS = 86_400_000;
const ROOT = { uid: 0, group: "root", home: "/root", shell: "/bin/bash" };
const BLANK = { comment: "", shell: "/bin/sh", password: "!", expires: undefined, local: true, processes: 0 };

export class AccountBook {
  readonly users = new Map<string, User>();
  readonly groups = new Map<string, Members>();

  constructor({ users = {}, groups = {} }: Given) {
    this.addGroup("root", 0);
    for (const [name, { gid, members = [], local = true }] of Object.entries(groups))
      Object.assign(this.groups.get(name) ?? this.addGroup(name, gid), { members, local });
    const given: NonNullable<Given["users"]> = { root: ROOT, ...users };
    for (const [name, { group = name, ...said }] of Object.entries(given)) {
      const { gid } = this.groups.get(group) ?? this.addGroup(group, undefined);
      const uid = free(this.uids(), false);
      this.users.set(name, { ...BLANK, name, uid, gid, home: `/home/${name}`, ...said });
    }
  }

  user = (name: string): User => must(this.users, name, "user");
  group = (name: string): Members => must(this.groups, name, "group");
  uids = (): number[] => [...this.users.values()].map(({ uid }) => uid);
  gids = (): number[] => [...this.groups.values()].map(({ gid }) => gid);

  account({ name, uid, gid, comment, home, shell, password, expires, local }: User): Account {
    const joined = [...this.groups.values()].filter(({ members }) => members.includes(name));
    const groups = joined.map((group) => group.name).sort();
    return { name, uid, gid, comment, home, shell, groups, password, expires, local };
  }

  addGroup(name: string, gid: number | undefined, system = false): Members {
    if (this.groups.has(name)) throw new Error(`group '${name}' already exists`);
    this.refuseGid(gid);
    const made = { name, gid: gid ?? free(this.gids(), system), members: [], local: true };
    this.groups.set(name, made);
    return made;
  }

  refuseGid(gid: number | undefined): void {
    if (gid !== undefined && this.gids().includes(gid)) throw new Error(`GID '${gid}' already exists`);
  }

  addUser(name: string, { system = false, ...said }: AccountChange & { system?: boolean | undefined }): void {
    if (this.users.has(name)) throw new Error(`user '${name}' already exists`);
    for (const group of said.groups ?? []) this.group(group);
    const uid = said.uid ?? free(this.uids(), system);
    if (this.uids().includes(uid)) throw new Error(`UID '${uid}' is not unique`);
    const gid =
      said.group === undefined ? this.addGroup(name, undefined, system).gid : this.gidOf(said.group);
    this.users.set(name, { ...BLANK, name, uid, gid, home: `/home/${name}` });
    this.change(name, said);
  }

  change(name: string, { uid, group, groups, expires, home, shell, comment }: AccountChange): void {
    const user = this.user(name);
    if (uid !== undefined && uid !== user.uid && this.uids().includes(uid))
      throw new Error(`UID '${uid}' already exists`);
    if (group !== undefined) user.gid = this.gidOf(group);
    if (groups) this.join(name, groups);
    if (expires !== undefined) user.expires = expires === "never" ? undefined : Date.parse(expires) / DAY_MS;
    user.uid = uid ?? user.uid;
    user.home = home ?? user.home;
    user.shell = shell ?? user.shell;
    user.comment = comment ?? user.comment;
  }

  removeUser(name: string): void {
    const { gid, processes } = this.user(name);
    if (processes > 0) throw new Error(`user ${name} is currently used by a process`);
    this.join(name, []);
    this.users.delete(name);
    // Its own group goes with it, as userdel does it.
    const own = this.groups.get(name);
    if (own?.gid === gid && own.members.length === 0) this.groups.delete(name);
  }

  removeGroup(name: string): void {
    const { gid } = this.group(name);
    if ([...this.users.values()].some((user) => user.gid === gid))
      throw new Error("cannot remove the primary group of a user");
    this.groups.delete(name);
  }

  private gidOf(group: string): number {
    return /^\d+$/.test(group) ? Number(group) : this.group(group).gid;
  }

  private join(name: string, wanted: readonly string[]): void {
    for (const group of wanted) this.group(group);
    for (const group of this.groups.values()) {
      const others = group.members.filter((member) => member !== name);
      if (wanted.includes(group.name) || others.length < group.members.length)
        group.members = wanted.includes(group.name) ? [...others, name] : others;
    }
  }
}

function must<T>(map: ReadonlyMap<string, T>, name: string, kind: string): T {
  const found = map.get(name);
  if (!found) throw new Error(`${kind} '${name}' does not exist`);
  return found;
}

function free(taken: readonly number[], system: boolean): number {
  let id = system ? 100 : 1000;
  while (taken.includes(id)) id++;
  return id;
}
