/** Who a program is to be run as, from the machine's own list of users. */
import { readFile } from "node:fs/promises";

import { BomaError } from "@boma/protocol";

export interface User {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

export async function findUser(name: string, passwd = "/etc/passwd"): Promise<User> {
  for (const line of (await readFile(passwd, "utf8")).split("\n")) {
    const [login, , uid, gid, , home] = line.split(":");
    if (login === name && /^\d+$/.test(uid ?? "") && /^\d+$/.test(gid ?? ""))
      return { name, uid: Number(uid), gid: Number(gid), home: home || "/" };
  }
  throw new BomaError("function/failed", `no such user: ${name}`, {
    hint: "Users are looked up in /etc/passwd of the node.",
  });
}

/** Checks that this agent may become the user at all. */
export function assertMayBecome(user: User): void {
  if (process.getuid?.() === 0 || process.getuid?.() === user.uid) return;
  throw new BomaError(
    "function/failed",
    `this agent does not run as root, so it cannot run a program as ${user.name}`,
  );
}
