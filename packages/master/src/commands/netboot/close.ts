import type { Command } from "@commander-js/extra-typings";

import { asking, example, performAsking } from "../shell.ts";

export const close = (group: Command): unknown =>
  asking(group.command("close"))
    .description("Closes a boot window.")
    .argument("<window>", "its id")
    .addHelpText("after", example("boma-master netboot close 7QK3ZD"))
    .action((id, options) =>
      performAsking(options, async (client, output) => {
        await client.ask("netboot.close", { id });
        output.document({ ok: true, id });
        output.line(`window ${id} closed`);
      }),
    );
