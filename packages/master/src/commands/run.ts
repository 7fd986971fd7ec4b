import { ExitCode, parseDuration, parseTarget } from "@boma/protocol";
import type { Command } from "@commander-js/extra-typings";

import type { Client } from "../client/client.ts";
import type { Output } from "../print/output.ts";
import { asking, example, perform, usage, withClient } from "./shell.ts";

export const run = (program: Command): unknown =>
  asking(program.command("run"))
    .summary("run a function on nodes")
    .description(
      "Runs a function on the nodes that a target means, shows what happens, and ends with the truth in its exit code.",
    )
    .argument("<target>", "which nodes")
    .argument(
      "<function>",
      "what to run: a function, or a state to apply by itself; `boma-master doc` lists them",
    )
    .argument("[args...]", "its arguments: words, or key=value. Words that begin with a dash go behind --")
    .option("--test", "only say what would change")
    .option("--plan <hash>", "apply exactly this stored plan, or nothing")
    .option("--batch <n|n%>", "so many nodes at a time")
    .option("--max-fail <n|n%>", "begin on no further node when more than this failed")
    .option("--timeout <duration>", "how long a node may take")
    .option("--expire <duration>", "how long offline nodes may still begin (writes: 1h, reads: not at all)")
    .option("--async", "print the job's id and leave")
    .option("--allow-empty", "an empty match is not an error")
    .option("--full", "show all of every result")
    .addHelpText(
      "after",
      example(
        "boma-master run 'env:dev' test.ping\nboma-master run 'role:web*' cmd.run 'uptime' --batch 25%\nboma-master run web-01 cmd.run -- systemctl status nginx\nboma-master run web-01 pkg.installed htop --test",
      ),
    )
    .action((target, name, words, options) =>
      perform(options, async (output) => {
        // A slip of the pen is found here, before anybody is asked.
        const request = await readRequest(target, name, words, options);
        return withClient(options, (client) =>
          options.async ? leave(client, output, request) : watch(client, output, request, options.full),
        );
      }),
    );

interface RunOptions {
  readonly test?: true | undefined;
  readonly plan?: string | undefined;
  readonly batch?: string | undefined;
  readonly maxFail?: string | undefined;
  readonly timeout?: string | undefined;
  readonly expire?: string | undefined;
  readonly async?: true | undefined;
  readonly allowEmpty?: true | undefined;
}

async function readRequest(target: string, name: string, words: readonly string[], options: RunOptions) {
  const { readCall } = await import("../ad-hoc.ts");
  parseTarget(target);
  const { test, batch, maxFail, timeout, expire, async: detached, allowEmpty, plan } = options;
  const said = withDashes(words, process.argv);
  return {
    target,
    ...(await readCall(name, plan === undefined ? said : [`plan=${plan}`, ...said])),
    test: test ?? false,
    allowEmpty: allowEmpty ?? false,
    watch: !detached,
    ...(batch !== undefined && { batch: share(batch, "--batch") }),
    ...(maxFail !== undefined && { maxFail: share(maxFail, "--max-fail") }),
    ...(timeout !== undefined && { timeoutMs: parseDuration(timeout) }),
    ...(expire !== undefined && { waitMs: parseDuration(expire) }),
  };
}

async function watch(client: Client, output: Output, request: object, full = false): Promise<ExitCode> {
  const [{ watchRun }, { newJob }] = await Promise.all([
    import("../client/watch-run.ts"),
    import("../client/follow-job.ts"),
  ]);
  return watchRun(client, output, newJob(request), { full });
}

async function leave(client: Client, output: Output, request: object): Promise<ExitCode> {
  const { followJob, newJob } = await import("../client/follow-job.ts");
  for await (const item of followJob(client, newJob(request))) {
    if (item.type !== "job") continue;
    const { job, nodes } = item.record;
    output.document({ ok: true, job, nodes });
    output.line(job);
    output.note(`follow it: boma-master jobs attach ${job}`);
    break;
  }
  return ExitCode.ok;
}

/** The parser takes the `--` away; what stood behind it is words, also where it looks like key=value. */
function withDashes(words: readonly string[], typed: readonly string[]): string[] {
  const at = typed.indexOf("--");
  if (at < 0) return [...words];
  const behind = typed.length - at - 1;
  return [...words.slice(0, words.length - behind), "--", ...words.slice(words.length - behind)];
}

function share(text: string, option: string): { count: number } | { percent: number } {
  const [, number, percent] = /^(\d+)(%?)$/.exec(text) ?? [];
  const value = Number(number);
  const least = option === "--batch" ? 1 : 0;
  if (number === undefined || value < least || (percent === "%" && value > 100))
    throw usage(`${option} ${text} is neither a number of nodes nor a share of them`, "Write 10 or 25%.");
  return percent === "%" ? { percent: value } : { count: value };
}
