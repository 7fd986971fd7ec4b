/** Somebody whom the cluster knows by a key that was given to it: a daemon, a client. */
import { z } from "zod";

import { type Changes, diff } from "../../changes.ts";
import type { Host, ReadHost } from "../../host/host.ts";
import { ask, heard, tell } from "./ask.ts";
import { AS_GIVEN, keepFile, type KeptFile, lookAtFile } from "./kept-file.ts";
import { type Caps, keyringText, type Member } from "./keyring.ts";

export interface Identity extends Member {
  /** Where this machine keeps its key; nowhere, where it is not said. */
  readonly file?: KeptFile | undefined;
}

export interface IdentityProperties {
  keyring: string;
  /** Whether the cluster knows it by this key. */
  auth: string;
  caps: Caps;
}

const AuthDump = z.object({
  auth_dump: z.array(
    z.object({ entity: z.string(), key: z.string(), caps: z.record(z.string(), z.string()) }),
  ),
});

export async function lookAtIdentity(
  { file, ...member }: Identity,
  { files, commands }: Pick<ReadHost, "files" | "commands">,
): Promise<Changes<IdentityProperties>> {
  const keyring = file && (await lookAtFile(files, file));
  const known = member.caps && (await knownAs(member.entity, keyring, commands));
  const auth = known && (known.key === member.key ? AS_GIVEN : "another");
  return diff<IdentityProperties>(
    { keyring, auth, caps: known && sorted(known.caps) },
    {
      keyring: (file && AS_GIVEN)!,
      auth: (member.caps && AS_GIVEN)!,
      caps: (member.caps && sorted(member.caps))!,
    },
  );
}

/** Before there is a cluster nobody is known to it; later that it does not answer is a fault, and no difference. */
async function knownAs(
  entity: string,
  keyring: string | undefined,
  commands: ReadHost["commands"],
): Promise<{ readonly key: string; readonly caps: Caps } | undefined> {
  const asked = await ask(commands, "auth ls", AuthDump);
  if (!("said" in asked) && keyring === undefined) return undefined;
  return heard(asked).auth_dump.find((one) => one.entity === entity);
}

const sorted = (caps: Caps): Caps =>
  Object.fromEntries(Object.entries(caps).toSorted(([a], [b]) => (a < b ? -1 : 1)));

/** First the cluster, then the file: what a daemon begins with is then known already. */
export async function giveIdentity(
  { auth, caps, keyring }: Changes<IdentityProperties>,
  { file, ...member }: Identity,
  { files, commands }: Pick<Host, "files" | "commands">,
): Promise<void> {
  // By standard input: arguments are seen by everybody on the machine.
  if (auth || caps) await tell(commands, "auth import -i -", { stdin: keyringText(member) });
  if (keyring && file) await keepFile(files, file);
}
