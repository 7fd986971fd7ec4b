import type { Command } from "@commander-js/extra-typings";

import { style } from "../print/output.ts";
import { asking, example, performAsking } from "./shell.ts";

export const revoke = (program: Command): unknown =>
  asking(program.command("revoke"))
    .summary("end a node's identity and cut its connection")
    .description(
      "Revokes a node's key: its connection is cut, its credential is dead for good. The machine may enrol anew.",
    )
    .argument("<id>", "the node")
    .option("--forget", "remove its record as well, so that nothing of it is left")
    .addHelpText("after", example("boma-master revoke web-01"))
    .action((id, options) =>
      performAsking(options, async (client, output) => {
        const done = await client.ask<{ id: string; connected: boolean; ms: number }>("nodes.revoke", { id });
        if (options.forget) await client.ask("nodes.forget", { id });
        output.document({ ok: true, ...done });
        const cut = done.connected
          ? `disconnected after ${done.ms} ms`
          : `it was not connected (${done.ms} ms)`;
        output.line(`${style("red", "revoked")} ${style("bold", id)}: ${cut}`);
      }),
    );
