import { resolve } from "node:path";

import type { Command } from "@commander-js/extra-typings";

import { style } from "../print/output.ts";
import { asking, example, performAsking } from "./shell.ts";

export const rekey = (program: Command): unknown =>
  asking(program.command("rekey"))
    .summary("rotate a node's keys, or the master's working key")
    .description(
      "With an id the node makes new keys, and the old ones are revoked. Without one the root signs a new working key for the master; agents that are offline follow when they return.",
    )
    .argument("[id]", "the node; the master itself where it is not said")
    .option(
      "--root-key <file>",
      "where the root key is, if it is kept elsewhere (a path on the master's host)",
    )
    .addHelpText("after", example("boma-master rekey web-01\nboma-master rekey"))
    .action((id, options) =>
      performAsking(options, async (client, output) => {
        if (id === undefined) {
          const rootKeyFile = options.rootKey === undefined ? {} : { rootKeyFile: resolve(options.rootKey) };
          const done = await client.ask<{ serial: number }>("master.rotate", rootKeyFile);
          output.document({ ok: true, ...done });
          output.line(`the master has a new working key; trust manifest ${done.serial}`);
          return;
        }
        const done = await client.ask<{ id: string; connected: boolean }>("nodes.rekey", { id });
        output.document({ ok: true, ...done });
        output.line(
          `${style("bold", id)} ${done.connected ? "makes new keys now" : "makes new keys when it connects"}`,
        );
      }),
    );
