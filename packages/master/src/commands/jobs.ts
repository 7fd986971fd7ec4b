import { BomaError, isJobId } from "@boma/protocol";
import type { Command } from "@commander-js/extra-typings";

import type { JobRecord } from "../jobs/job-record.ts";
import { style } from "../print/output.ts";
import { ago, table } from "../print/table.ts";
import { asking, example, perform, usage, withClient } from "./shell.ts";

/** The master lists no more at once. */
const LIMIT_MAX = 10_000;

type ListedJob = Omit<JobRecord, "args"> & { readonly pending: number };

export function jobs(program: Command): void {
  const group = program
    .command("jobs")
    .summary("stored and running jobs: list, show, attach, cancel")
    .description("Jobs are stored: they can be looked at, followed and cancelled from anywhere.")
    .addHelpText("after", example("boma-master jobs list"));
  list(group);
  show(group, "show", "Shows how a job stands or how it ended, node by node.");
  show(group, "attach", "Replays what a job printed, and follows it to its end.");
  cancel(group);
}

const list = (group: Command): unknown =>
  asking(group.command("list"))
    .description("Lists jobs, the newest first.")
    .option("--limit <n>", "how many", "20")
    .addHelpText("after", example("boma-master jobs list --limit 100"))
    .action((options) =>
      perform(options, async (output) => {
        const limit = readLimit(options.limit);
        const found = await withClient(options, (client) => client.ask<ListedJob[]>("job.list", { limit }));
        output.document(found);
        if (found.length === 0) return output.line("no jobs yet");
        output.line(
          table(found, [
            { head: "JOB", text: ({ job }) => job },
            {
              head: "STATE",
              text: stateText,
              colour: (text, { state }) => style(state === "open" ? "cyan" : "dim", text),
            },
            { head: "FUNCTION", text: ({ function: name }) => name, colour: (text) => style("bold", text) },
            { head: "TARGET", text: ({ target }) => target },
            { head: "NODES", text: ({ nodes }) => String(nodes) },
            { head: "BY", text: ({ operator }) => operator },
            { head: "BEGAN", text: ({ createdAt }) => ago(createdAt) },
          ]),
        );
      }),
    );

function readLimit(text: string): number {
  const limit = Number(text);
  if (Number.isInteger(limit) && limit >= 1 && limit <= LIMIT_MAX) return limit;
  throw usage(`--limit ${text} is not a number of jobs`, `Write a number from 1 to ${LIMIT_MAX}.`);
}

const stateText = ({ state, pending, closedAt }: ListedJob): string =>
  closedAt === undefined ? `${state === "cancelled" ? "cancelling" : "open"}, ${pending} to go` : state;

function assertJobId(id: string): void {
  if (!isJobId(id)) throw new BomaError("job/unknown", `${JSON.stringify(id)} is not a job id`);
}

const show = (group: Command, name: "show" | "attach", text: string): unknown =>
  asking(group.command(name))
    .description(text)
    .argument("<id>", "the job")
    .option("--full", "show all of every result")
    .addHelpText("after", example(`boma-master jobs ${name} 01K8Z3V6Q4T0C7M2N9X5B1HREA`))
    .action((id, options) =>
      perform(options, async (output) => {
        assertJobId(id);
        const { watchRun } = await import("../client/watch-run.ts");
        const full = options.full ?? name === "show";
        const source = { verb: `job.${name}`, args: { job: id } } as const;
        return withClient(options, (client) =>
          watchRun(client, output, source, { full, follow: name === "attach" }),
        );
      }),
    );

const cancel = (group: Command): unknown =>
  asking(group.command("cancel"))
    .description(
      "Stops a job everywhere: whole process groups are ended, nodes that have not begun never do.",
    )
    .argument("<id>", "the job")
    .addHelpText("after", example("boma-master jobs cancel 01K8Z3V6Q4T0C7M2N9X5B1HREA"))
    .action((id, options) =>
      perform(options, async (output) => {
        assertJobId(id);
        await withClient(options, (client) => client.ask("job.cancel", { job: id }));
        output.document({ ok: true, job: id });
        output.line(
          `${style("yellow", "cancelled")} ${id}; nodes that have begun say themselves how they ended: boma-master jobs show ${id}`,
        );
      }),
    );
