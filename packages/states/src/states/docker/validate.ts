/** Whether dockerd would start with a file, before it is in the place of the one that it started with. */
import { posix } from "node:path";

import { BomaError } from "@boma/protocol";

import type { Host, ReadHost } from "../../host/host.ts";
import type { Settings } from "../daemon/settings.ts";
import { makeDirectories } from "../owned-file.ts";
import { fileText } from "./daemon-file.ts";
import { isKnown, wrongIn } from "./directives.ts";
import { FILE } from "./parameters.ts";

/** From this one on it can be asked. */
const CAN_VALIDATE = 23;
const SAID_MAX = 2000;
const VALIDATE_MS = 30_000;

export async function prove(host: Host, settings: Settings): Promise<void> {
  const version = await versionOf(host);
  if (version === undefined)
    throw new BomaError("state/unsupported", "this machine has no dockerd", {
      hint: "Declare `docker.installed`, or take `dockerKit`.",
    });
  const wrong = majorOf(version) >= CAN_VALIDATE ? await refusedBy(host, settings) : unfit(settings, version);
  if (wrong !== undefined)
    throw new BomaError("docker/config", `Docker would not start with this ${FILE}:\n${wrong}`);
}

/** `20.10.24+dfsg1`, of the program and not of what runs. */
async function versionOf({ commands }: Pick<ReadHost, "commands">): Promise<string | undefined> {
  const { exitCode, stdout } = await commands.read({ argv: ["dockerd", "--version"] });
  return exitCode === 0 ? /version (\d[\w.+~-]*)/.exec(stdout)?.[1] : undefined;
}

const majorOf = (version: string): number => Number.parseInt(version, 10);

async function refusedBy({ files, commands }: Host, settings: Settings): Promise<string | undefined> {
  const directory = posix.dirname(FILE);
  await makeDirectories(files, directory);
  const stage = await files.makeTemporary(directory);
  try {
    const draft = posix.join(stage, "daemon.json");
    await files.write(draft, fileText(settings), { mode: "0600" });
    const argv = ["dockerd", "--validate", "--config-file", draft];
    const said = await commands.run({ argv, quiet: true, timeoutMs: VALIDATE_MS });
    if (said.exitCode === 0) return undefined;
    return (said.stderr.trim() || said.stdout.trim()).replaceAll(draft, FILE).slice(0, SAID_MAX);
  } finally {
    await files.remove(stage, { recursive: true });
  }
}

/** What can be known of an older one: its words, and what they take. */
function unfit(settings: Settings, version: string): string | undefined {
  const wrong = Object.entries(settings).flatMap(([name, value]) => {
    if (!isKnown(name)) return [`${name}: Docker ${version} has no such setting`];
    const why = wrongIn(name, value);
    return why === undefined ? [] : [`${name}: ${why}`];
  });
  return wrong.length > 0 ? wrong.join("\n") : undefined;
}
