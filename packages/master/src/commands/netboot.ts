import type { Command } from "@commander-js/extra-typings";

import { close } from "./netboot/close.ts";
import { open } from "./netboot/open.ts";
import { serve } from "./netboot/serve.ts";
import { status } from "./netboot/status.ts";
import { example } from "./shell.ts";

export function netboot(program: Command): void {
  const group = program
    .command("netboot")
    .summary("machines that boot from the network: serve, open, close, status")
    .description(
      "Machines boot an image over HTTP inside a window that an operator opened, each with a token of its own.",
    )
    .addHelpText("after", example("boma-master netboot open --mac 52:54:00:12:34:56 --env dev --ttl 1h"));
  serve(group);
  open(group);
  close(group);
  status(group);
}
