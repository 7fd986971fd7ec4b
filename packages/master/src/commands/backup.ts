import { join } from "node:path";

import type { Command } from "@commander-js/extra-typings";

import { style } from "../print/output.ts";
import { bytesText } from "../print/table.ts";
import { example, homeOption, jsonOption, perform } from "./shell.ts";

export const backup = (program: Command): unknown =>
  program
    .command("backup")
    .summary("this master as one file: keys, streams, audit, site")
    .description(
      "Writes this master into one file, on its own host, while it runs or while it is stopped: its keys, the streams of the bus, the audit and the site. The file holds secrets.",
    )
    .requiredOption("--out <file>", "where it goes")
    .option("--site <dir>", "the site, where it is not <home>/site")
    .option("--root-key", "with the root key, if it lies in the home; otherwise it stays out")
    .option("--force", "replace the file if it is there")
    .addOption(homeOption())
    .addOption(jsonOption())
    .addHelpText("after", example("boma-master backup --out /mnt/backup/boma-$(date +%F).tar"))
    .action((options) =>
      perform(options, async (output) => {
        const [{ homeAt }, { takeBackup }] = await Promise.all([
          import("../home.ts"),
          import("../backup/take-backup.ts"),
        ]);
        const home = homeAt(options.home);
        const taken = await takeBackup({
          home,
          site: options.site ?? join(home.dir, "site"),
          out: options.out,
          force: options.force ?? false,
          rootKey: options.rootKey ?? false,
        });
        output.document({ ok: true, ...taken });
        output.line(
          `${style("green", "made")} ${taken.out}, ${bytesText(taken.bytes)}, ${taken.parts.length} parts`,
        );
        output.line(
          `  it holds keys: whoever reads it is this master. Only you can, as it lies there; seal what leaves this host.`,
        );
        if (!taken.hasRootKey) output.line("  without the root key: keep that one apart");
      }),
    );
