import { isJobId } from "@boma/protocol";
import type { Command } from "@commander-js/extra-typings";

import type { Client } from "../client/client.ts";
import type { Holder } from "../maintenance/holders.ts";
import { style } from "../print/output.ts";
import { asking, example, performAsking, usage } from "./shell.ts";

export function leases(program: Command): void {
  const group = program
    .command("leases")
    .summary("whose turn it is in each failure domain: list, end")
    .description(
      "One node of a failure domain at a time is restarted: the job that does it holds the lease of the domain, and everybody else is refused.",
    )
    .addHelpText("after", example("boma-master leases list"));
  list(group);
  end(group);
}

const list = (group: Command): unknown =>
  asking(group.command("list"))
    .description("Lists the leases that are held, with the job, its node, and whether that is there.")
    .addHelpText("after", example("boma-master leases list"))
    .action((options) =>
      performAsking(options, async (client, output) => {
        const held = await client.ask<Holder[]>("lease.list", {});
        output.document(held);
        if (held.length === 0) return output.line("no lease is held");
        const { leaseTable } = await import("../maintenance/lease-text.ts");
        output.line(leaseTable(held));
      }),
    );

const end = (group: Command): unknown =>
  asking(group.command("end"))
    .description(
      "Ends the lease of a node that is dead, and the job that holds it: the others of the domain may have their turn. Only when the node is certainly not restarting; it needs the right to run there what the lease is held for.",
    )
    .argument("<domain>", "the failure domain")
    .requiredOption("--reason <text>", "why its node is not waited for; it stands in the audit")
    .option("--job <id>", "only if this job holds it")
    .option("--force", "also while its node is connected, and may be restarting")
    .addHelpText(
      "after",
      example(
        "boma-master leases end consul/dc1 --reason 'its power supply burnt'\nboma-master leases end consul/dc1 --job 01K8Z3V6Q4T0C7M2N9X5B1HREA --reason 'its agent hangs, systemd is idle' --force",
      ),
    )
    .action((domain, options) =>
      performAsking(options, async (client, output) => {
        const { reason, force = false } = options;
        if (options.job !== undefined && !isJobId(options.job))
          throw usage(`${JSON.stringify(options.job)} is not a job id`);
        // What is ended is what was seen: whoever comes in between keeps his.
        const job = options.job ?? (await holderOf(client, domain)).job;
        const ended = await client.ask<Holder>("lease.end", { name: domain, job, reason, force });
        output.document({ ok: true, ...ended });
        output.line(
          `${style("yellow", "ended")} the lease of ${style("bold", domain)}: ${ended.node} is not waited for any more (job ${job})`,
        );
      }),
    );

async function holderOf(client: Client, domain: string): Promise<Holder> {
  const held = await client.ask<Holder[]>("lease.list", {});
  const holder = held.find((one) => one.domain === domain);
  if (holder) return holder;
  const others = held.map((one) => one.domain).join(", ");
  throw usage(`nobody holds the lease of ${domain}`, others === "" ? "" : `These are held: ${others}.`);
}
