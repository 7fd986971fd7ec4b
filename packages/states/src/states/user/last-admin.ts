/** Whoever is the last who can get in and become root is neither removed nor shut out: nobody could take that back. */
import type { Account } from "../../host/accounts.ts";
import type { ReadHost } from "../../host/host.ts";
import { blocked } from "./parameters.ts";

const NO_SHELL = /\/(nologin|false)$/;
/** Below are the accounts of the system, which nobody logs in with. */
const FIRST_PERSON = 1000;
const PEOPLE_MAX = 200;
const EVERYTHING = /^\s+\((?:[^)]*\b)?(?:ALL|root)\b[^)]*\)\s+(?:[A-Z]+:\s*)*ALL$/m;

/** By what sudo itself says, all its files and groups taken together. */
export async function canBecomeRoot(
  user: string,
  { commands }: Pick<ReadHost, "commands">,
): Promise<boolean> {
  const { exitCode, stdout } = await commands.read({ argv: ["sudo", "-n", "-l", "-U", user] });
  return exitCode === 0 && EVERYTHING.test(stdout);
}

interface Open {
  readonly shell?: string | undefined;
  readonly expires?: string | undefined;
}

/** Whether nobody logs in with it: by its shell, or because its time is over. */
export const isShutOut = ({ shell, expires }: Open): boolean =>
  (shell !== undefined && NO_SHELL.test(shell)) ||
  (expires !== undefined && expires !== "never" && expires <= new Date().toISOString().slice(0, 10));

export async function assertNotLastAdmin({ name }: Account, host: ReadHost): Promise<void> {
  if (!(await canBecomeRoot(name, host))) return;
  const others = (await host.accounts.users()).filter(
    (one) => one.name !== name && (one.uid >= FIRST_PERSON || one.uid === 0),
  );
  for (const other of others.slice(0, PEOPLE_MAX)) {
    if (NO_SHELL.test(other.shell) || !(await hasWayIn(other, host))) continue;
    if (other.uid === 0 || (await canBecomeRoot(other.name, host))) return;
  }
  throw blocked(
    `${name} is the last who can log in and become root on this machine`,
    "Declare somebody else first, with a key and a rule of sudo: `adminKit` does both.",
  );
}

async function hasWayIn({ home, password }: Account, { files }: ReadHost): Promise<boolean> {
  if (password?.startsWith("$")) return true;
  const keys = await files.stat(`${home}/.ssh/authorized_keys`);
  return keys?.type === "file" && keys.bytes > 0;
}
