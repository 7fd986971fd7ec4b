import { join } from "node:path";

import type { Command } from "@commander-js/extra-typings";

import type { Restored } from "../backup/restore-master.ts";
import { type Output, style } from "../print/output.ts";
import { span } from "../print/table.ts";
import { example, homeOption, jsonOption, perform, usage } from "./shell.ts";

export const restore = (program: Command): unknown =>
  program
    .command("restore")
    .summary("a master from its backup, or its streams onto another bus")
    .description(
      "Puts a master back from a backup, where there is none. With --streams-only the master that is here stays, and its streams move to the bus of --nats: to a cluster.",
    )
    .argument("<file>", "what `boma-master backup` made")
    .option("--site <dir>", "where the site goes (default: <home>/site)")
    .option("--nats <urls>", "put the streams on this server or cluster instead of an own server")
    .option("--replicas <n>", "how many servers of the cluster keep each stream")
    .option("--root-key <file>", "the root key: the master gets a new working key, which every node follows")
    .option("--streams-only", "move the streams of the master in this home, with --nats")
    .addOption(homeOption())
    .addOption(jsonOption())
    .addHelpText(
      "after",
      example(
        "boma-master restore /mnt/backup/boma.tar --home /var/lib/boma\nboma-master restore boma.tar --streams-only --nats tls://a:4222,tls://b:4222,tls://c:4222 --replicas 3",
      ),
    )
    .action((file, options) =>
      perform(options, (output) =>
        options.streamsOnly ? moveStreams(output, file, options) : restoreAll(output, file, options),
      ),
    );

interface Options {
  readonly home?: string | undefined;
  readonly site?: string | undefined;
  readonly nats?: string | undefined;
  readonly replicas?: string | undefined;
  readonly rootKey?: string | undefined;
}

async function moveStreams(output: Output, file: string, options: Options): Promise<void> {
  const { nats } = options;
  if (nats === undefined) throw usage("--streams-only needs --nats URL: where the streams go");
  const [{ homeAt }, { readReplicas }, { moveStreams: move }] = await Promise.all([
    import("../home.ts"),
    import("../bus/replicas.ts"),
    import("../backup/move-streams.ts"),
  ]);
  const replicas = readReplicas(options.replicas, nats) ?? 1;
  const streams = await move({ file, home: homeAt(options.home), nats, replicas });
  output.document({ ok: true, streams, nats, replicas });
  output.line(`${style("green", "moved")} ${streams.join(", ")}`);
  output.line(`\nnext: ${style("bold", serveWords(options))}`);
}

async function restoreAll(output: Output, file: string, options: Options): Promise<void> {
  const [{ homeAt }, { readReplicas }, { restoreMaster }] = await Promise.all([
    import("../home.ts"),
    import("../bus/replicas.ts"),
    import("../backup/restore-master.ts"),
  ]);
  const { nats, rootKey } = options;
  const home = homeAt(options.home);
  const site = options.site ?? join(home.dir, "site");
  const replicas = readReplicas(options.replicas, nats) ?? 1;
  const restored = await restoreMaster({ file, home, site, nats, replicas, rootKey });
  const { manifest, streams, newSerial } = restored;
  const { takenAt, serial } = manifest;
  output.document({ ok: true, home: home.dir, site, takenAt, streams, serial: newSerial ?? serial, nats });
  tell(output, restored);
  output.line(`\nnext: ${style("bold", serveWords(options))}`);
}

/** What the backup cannot know, so that somebody has to. */
function tell(output: Output, { manifest, newSerial }: Restored): void {
  const { takenAt, serial } = manifest;
  const at = new Date(takenAt).toISOString();
  output.line(`${style("green", "restored")} the master as it was ${span(takenAt)} ago, at ${at}`);
  output.line("  look at what was done since:");
  output.line(
    "  - who was revoked since then is let in again: revoke them again, before nodes find this master",
  );
  output.line("  - who joined since then is not known: `boma-agent` there has to enrol again");
  output.line("  - what was assigned, approved or given to operators since then is as it was before");
  if (newSerial !== undefined)
    output.line(`  - it has a new working key (serial ${newSerial}); the one of the backup is retired`);
  else
    output.line(
      `  - if working keys were rotated since (serial ${serial} then), nodes do not follow: restore with --root-key FILE`,
    );
}

const serveWords = ({ home, nats, replicas }: Options): string =>
  [
    "boma-master serve",
    ...(home === undefined ? [] : ["--home", home]),
    ...(nats === undefined ? [] : ["--nats", nats]),
    ...(replicas === undefined ? [] : ["--replicas", replicas]),
  ].join(" ");
