/** Who gets in: an administrator with keys and sudo, and an sshd that lets in nobody but people with keys. */
import type { z } from "zod";

import type { Declaration } from "../declaration.ts";
import pkgInstalled from "../states/pkg/installed.ts";
import sshKeys from "../states/ssh/keys.ts";
import sshServer from "../states/ssh/server.ts";
import sudoRules from "../states/sudo/rules.ts";
import userPresent from "../states/user/present.ts";

type Keys = z.input<(typeof sshKeys)["spec"]["params"]>;
type Server = z.input<(typeof sshServer)["spec"]["params"]>;
type User = z.input<(typeof userPresent)["spec"]["params"]>;

export interface Admin extends Partial<Omit<User, "name">> {
  readonly name: string;
  readonly keys: Keys["keys"];
  /** Take every other key away. */
  readonly exclusiveKeys?: boolean;
  /** Whether sudo asks for a password; with a user who has none it must not. */
  readonly noPassword?: boolean;
}

/** A user, its keys, and a rule by which it does everything as root: proved by asking sudo. */
export function adminKit({
  name,
  keys,
  exclusiveKeys = false,
  noPassword = true,
  ...rest
}: Admin): readonly Declaration[] {
  const sudo = pkgInstalled("sudo");
  const user = userPresent(name, { shell: "/bin/bash", password: "*", ...rest });
  const own = sshKeys(name, { keys, exclusive: exclusiveKeys, require: user });
  const rules = [{ users: [name], runAs: ["ALL"], commands: ["ALL"], noPassword }];
  return [sudo, user, own, sudoRules(name, { rules, must: [name], require: [sudo, user] })];
}

/** The package and its settings. Name in `must` who has to get in, and from where. */
export function sshKit(server: Omit<Server, "name">): readonly Declaration[] {
  const installed = pkgInstalled("openssh-server");
  return [installed, sshServer("node", { ...server, require: installed })];
}
