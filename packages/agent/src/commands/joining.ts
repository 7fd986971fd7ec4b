/** What the command line says of the master: a token, a file, an address. */
import { readFile } from "node:fs/promises";

import { type BootToken, BomaError, type JoinKit, parseToken } from "@boma/protocol";

import { messageOf } from "../files.ts";
import { bootWords } from "./boot-words.ts";

export interface JoinOptions {
  readonly master?: string | undefined;
  readonly token?: string | undefined;
  readonly tokenFile?: string | undefined;
  readonly join?: string | undefined;
  /** The kernel's command line, where this boot says more. */
  readonly boot?: string | boolean | undefined;
}

export interface Joining {
  readonly kit: JoinKit | undefined;
  readonly token: BootToken | undefined;
}

/** `known` is the kit of an earlier start, which `--master` may give another address. */
export async function readJoining(given: JoinOptions, known?: JoinKit): Promise<Joining> {
  const options = { ...(await saidByBoot(given)), ...withoutUnset(given) };
  if (options.token !== undefined && options.tokenFile !== undefined)
    throw new BomaError("usage/argument", "--token and --token-file say the same thing: give one of them");
  const file = options.join === undefined ? {} : parseToken(await readText(options.join));
  const text = options.tokenFile === undefined ? options.token : await readText(options.tokenFile);
  const said = text === undefined ? {} : parseToken(text);
  const kit = said.kit ?? file.kit;
  const servers = options.master
    ?.split(",")
    .map((server) => server.trim())
    .filter(Boolean);
  const token = said.token ?? file.token;
  if (!servers || servers.length === 0) return { kit, token };
  const base = kit ?? known;
  if (!base)
    throw new BomaError("usage/argument", "an address alone does not say whom to trust there", {
      hint: "Give the long token (boma1.…) as well, or --join with the file of the image.",
    });
  return { kit: { ...base, servers }, token };
}

async function saidByBoot({ boot, tokenFile }: JoinOptions): Promise<JoinOptions> {
  if (boot === undefined) return {};
  const { token, master } = await bootWords(boot);
  return {
    ...(master !== undefined && { master }),
    ...(token !== undefined && tokenFile === undefined && { token }),
  };
}

/** What somebody typed stands over what the boot says. */
const withoutUnset = (given: JoinOptions): JoinOptions =>
  Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));

async function readText(path: string): Promise<string> {
  try {
    return (await readFile(path, "utf8")).trim();
  } catch (cause) {
    throw new BomaError("usage/file", `${path} cannot be read: ${messageOf(cause)}`, { cause });
  }
}
