/** A home made from /etc/skel: whole, or not at all. */
import { posix } from "node:path";

import type { Account } from "../../host/accounts.ts";
import type { Host, ReadHost } from "../../host/host.ts";
import { Path } from "../file/parameters.ts";
import { blocked } from "./parameters.ts";

const SKELETON = "/etc/skel";
const FILES_MAX = 1000;
const DEPTH_MAX = 8;

export async function makeHome({ home, name, gid }: Account, mode: string, host: Host): Promise<void> {
  const { files } = host;
  // A number where the group has no name here.
  const owner = { owner: name, group: String(gid) };
  const draft = await files.makeTemporary(posix.dirname(home));
  let left = FILES_MAX;
  const copy = async (from: string, to: string, depth: number): Promise<void> => {
    for (const entry of await files.list(from)) {
      const [source, target] = [posix.join(from, entry), posix.join(to, entry)];
      const stat = await files.stat(source);
      if (--left < 0 || depth > DEPTH_MAX) throw blocked(`${SKELETON} holds too much to copy into ${home}`);
      if (stat?.type === "link") await files.link(target, await files.readLink(source));
      if (stat?.type === "file")
        await files.write(target, await files.readBytes(source), { ...owner, mode: stat.mode });
      if (stat?.type === "directory") {
        await files.makeDirectory(target, { ...owner, mode: stat.mode });
        await copy(source, target, depth + 1);
      }
    }
  };
  if ((await files.stat(SKELETON))?.type === "directory") await copy(SKELETON, draft, 0);
  await files.chown(draft, owner);
  await files.chmod(draft, mode);
  await files.rename(draft, home);
}

/** Homes that hold more than what one user put there. */
const SHARED = /^\/(?:[^/]*|(?:var|usr)\/[^/]+)$/;

/** Refuses to take away a home that is not the user's alone. `false` when there is none. */
export async function homeToRemove({ home, name, uid }: Account, host: ReadHost): Promise<boolean> {
  const refuse = (why: string): never => {
    throw blocked(
      `the home ${home} of ${name} is not removed: ${why}`,
      "Remove it by hand, or leave `removeHome` out.",
    );
  };
  if (!Path.safeParse(home).success) return refuse("it is not a plain path");
  const stat = await host.files.stat(home);
  if (!stat) return false;
  if (SHARED.test(home)) return refuse("it is a directory of the system");
  if (stat.type !== "directory") return refuse(`it is a ${stat.type}`);
  if (stat.owner !== name && stat.owner !== String(uid)) return refuse(`it belongs to ${stat.owner}`);
  const other = (await host.accounts.users()).find(
    (user) => user.name !== name && (user.home === home || user.home.startsWith(`${home}/`)),
  );
  if (other) return refuse(`${other.name} lives there too`);
  return true;
}
