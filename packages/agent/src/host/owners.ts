/** Names of users and groups, from the machine's own files. */
import { readFileSync, statSync } from "node:fs";

import { ownerComplaint } from "@boma/states/core";

export interface Owners {
  userName(uid: number): string;
  groupName(gid: number): string;
  /** Throws for a name that the machine does not know; the path is for the message. */
  uid(name: string, path: string): number;
  gid(name: string, path: string): number;
}

/** Where the files themselves are: below another root they are other files. */
export type FileOf = (path: string) => string;

interface Names {
  name(id: number): string;
  id(name: string): number | undefined;
}

export function readOwners(fileOf: FileOf): Owners {
  const users = readNames(() => fileOf("/etc/passwd"));
  const groups = readNames(() => fileOf("/etc/group"));
  const need = (kind: "user" | "group", name: string, path: string): number => {
    if (/^\d+$/.test(name)) return Number(name);
    const id = (kind === "user" ? users : groups).id(name);
    if (id === undefined) throw ownerComplaint(kind, name, path);
    return id;
  };
  return {
    userName: (uid) => users.name(uid),
    groupName: (gid) => groups.name(gid),
    uid: (name, path) => need("user", name, path),
    gid: (name, path) => need("group", name, path),
  };
}

/** Read once, and again when something is missing and the file was changed since: a state may have made the user. */
function readNames(file: () => string): Names {
  let byName = new Map<string, number>();
  let byId = new Map<number, string>();
  let seen: string | undefined;
  const refresh = (): boolean => {
    const now = versionOf(file());
    if (now === seen) return false;
    seen = now;
    byName = new Map();
    byId = new Map();
    for (const [name, id] of linesOf(file())) {
      if (!byName.has(name)) byName.set(name, id);
      if (!byId.has(id)) byId.set(id, name);
    }
    return true;
  };
  return {
    name(id) {
      if (!byId.has(id)) refresh();
      return byId.get(id) ?? String(id);
    },
    id(name) {
      if (!byName.has(name)) refresh();
      return byName.get(name);
    },
  };
}

function versionOf(file: string): string {
  const stat = statSync(file, { bigint: true, throwIfNoEntry: false });
  return stat ? `${stat.ino} ${stat.mtimeNs} ${stat.ctimeNs} ${stat.size}` : "none";
}

function linesOf(file: string): [string, number][] {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch {
    // A machine without the file has no names, only numbers.
    return [];
  }
  return text.split("\n").flatMap((line): [string, number][] => {
    const [name = "", , id = ""] = line.split(":");
    return name !== "" && /^\d+$/.test(id) ? [[name, Number(id)]] : [];
  });
}
