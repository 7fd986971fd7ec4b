import { type Command, Option } from "@commander-js/extra-typings";

import { asking, example, performAsking } from "../shell.ts";

export const status = (group: Command): unknown =>
  asking(group.command("status"))
    .description("Shows the open windows, and how far each machine has come.")
    .addOption(new Option("--follow", "and every stage that comes, until Ctrl-C"))
    .addHelpText("after", example("boma-master netboot status --follow"))
    .action((options) =>
      performAsking(options, async (client, output) => {
        const { showStatus } = await import("../../netboot/status-text.ts");
        await showStatus(client, output);
        if (!options.follow) return;
        const { printEvents } = await import("../../client/print-events.ts");
        const form = output.mode === "text" ? "text" : "lines";
        const start = { from: "now" } as const;
        await printEvents(client, output, {
          patterns: ["netboot.*"],
          start,
          follow: true,
          intoFile: false,
          form,
        });
      }),
    );
