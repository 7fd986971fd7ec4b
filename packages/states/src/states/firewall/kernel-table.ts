/** Our table in the kernel: looking at it, loading it, and what brings the one before back. */
import { BomaError } from "@boma/protocol";

import type { Host, ReadHost } from "../../host/host.ts";
import type { Undo } from "../../state-spec.ts";
import { NFT, RULES, SAFE } from "./files.ts";
import { linesIn } from "./listing.ts";
import { isUfwOn, UFW_ON } from "./obstacles.ts";
import type { Want } from "./parameters.ts";
import { FAMILY, replacing, TABLE } from "./table.ts";

const LISTING_BYTES_MAX = 16 * 1024 * 1024;
/** In memory, for it means nothing after a boot: there is no table then. */
const BEFORE = "/run/boma-firewall-before.nft";
const NO_PROGRAM = 127;

/** In our words; `undefined` where there is no such table, or no nft yet. */
export async function loadedLines(host: ReadHost): Promise<readonly string[] | undefined> {
  const listing = await listed(host, ["-n", "-j"]);
  return listing === undefined ? undefined : linesIn(listing);
}

async function listed({ commands }: ReadHost, options: readonly string[]): Promise<string | undefined> {
  const argv = ["nft", ...options, "list", "table", FAMILY, TABLE];
  const { exitCode, stdout, stderr, cut } = await commands.read({ argv, keepBytes: LISTING_BYTES_MAX });
  if (exitCode === 0 && !cut) return stdout;
  if (exitCode === NO_PROGRAM || /No such file or directory/.test(stderr)) return undefined;
  throw new BomaError(
    "state/command-failed",
    `${argv.join(" ")}: ${cut ? "too long a list" : stderr.trim()}`,
  );
}

/** All of it or nothing, in one step; other tables are not touched. nft has looked at both texts before. */
export async function load(host: Host, text: string): Promise<void> {
  const { commands, files } = host;
  const dir = await files.makeTemporary("/run");
  try {
    const draft = `${dir}/boma.nft`;
    await files.write(draft, text, { mode: "0600" });
    await assertAccepted(host, draft);
    await commands.must({ argv: ["nft", "-f", draft] });
  } finally {
    await files.remove(dir, { recursive: true });
  }
}

async function assertAccepted({ commands }: ReadHost, path: string): Promise<void> {
  const { exitCode, stderr } = await commands.read({ argv: ["nft", "-c", "-f", path] });
  if (exitCode === 0) return;
  if (exitCode === NO_PROGRAM)
    throw new BomaError("state/unsupported", "this machine has no nft", {
      hint: 'Declare `pkg.installed("nftables")`, or take `firewallKit`.',
    });
  throw new BomaError(
    "state/command-failed",
    `nft does not take the rules:\n${stderr.trim().slice(0, 2000)}`,
  );
}

/** Files first, so that a boot in between loads what was; then what was loaded, or nothing. */
export async function undoOf(host: ReadHost, { ufw }: Pick<Want, "ufw">): Promise<Undo> {
  const before = await listed(host, ["-s"]);
  const text = replacing(before ?? "").slice(0, before === undefined ? 2 : 3);
  if (before !== undefined) await assertComesBack(host, text.join("\n"));
  return {
    files: [
      await asItIs(host, RULES),
      await asItIs(host, SAFE),
      {
        path: BEFORE,
        was: { base64: base64(`${text.join("\n")}\n`), mode: "0600", owner: "root", group: "root" },
      },
    ],
    commands: [
      [NFT, "-f", BEFORE],
      ["/bin/rm", "-f", BEFORE],
      ...(ufw === "migrate" && (await isUfwOn(host)) ? [UFW_ON] : []),
    ],
  };
}

/** What nft lists it cannot always read again; then nothing could be taken back. */
async function assertComesBack({ commands }: ReadHost, text: string): Promise<void> {
  const { exitCode, stderr } = await commands.read({ argv: ["nft", "-c", "-f", "-"], stdin: text });
  if (exitCode === 0) return;
  throw new BomaError(
    "state/blocked",
    `the table ${FAMILY} ${TABLE} as it is now could not be brought back, so nothing was changed: ${stderr.trim().slice(0, 500)}`,
    { hint: `Somebody has changed it by hand: \`systemctl reload boma-firewall\` loads ${RULES} again.` },
  );
}

async function asItIs({ files }: ReadHost, path: string): Promise<Undo["files"][number]> {
  const stat = await files.stat(path);
  if (!stat) return { path, was: null };
  const { mode, owner, group } = stat;
  return { path, was: { base64: base64(await files.readBytes(path)), mode, owner, group } };
}

const base64 = (content: string | Uint8Array): string => Buffer.from(content).toString("base64");
