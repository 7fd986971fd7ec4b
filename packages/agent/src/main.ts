/** The command line of the agent. Each command is loaded when it is called, so that the others cost nothing. */
import { Command } from "@commander-js/extra-typings";

import { AGENT_VERSION } from "./version.ts";

const collect = (value: string, before: readonly string[]): readonly string[] => [...before, value];

const program = new Command("boma-agent")
  .description(
    "The agent of a boma node: it enrols this machine with its master and does what the master signs.",
  )
  .version(AGENT_VERSION)
  .showSuggestionAfterError()
  .configureHelp({ showGlobalOptions: true })
  .option(
    "--home <dir>",
    "where everything is kept (env BOMA_HOME; /var/lib/boma for root, else ~/.local/share/boma)",
  )
  .addHelpText("after", "\nExample:\n  $ boma-agent run --token-file /run/boma/token\n");

const home = (): string | undefined => program.opts().home;

program
  .command("run")
  .description("Enrol with the master where this machine has not, and serve until stopped.")
  .option(
    "--master <url>",
    "address of the bus, instead of the one in the token; several are divided by commas",
  )
  .option("--token <token>", "what `boma-master token create` printed")
  .option("--token-file <file>", "the same from a file, which other users of the machine cannot see")
  .option("--join <file>", "who the master is, from a file that an image carries")
  .option("--config <dir>", "wait until `token` or `join` is in this directory, where no master is known yet")
  .option("--boot [file]", "take token and master from the kernel's command line, where they are there")
  .option("--id <id>", "the id to propose; the host name where not given")
  .option("--grain <k=v>", "claim a grain; may be given several times", collect, [] as readonly string[])
  .option("--root <dir>", "confine files below this directory, and refuse what cannot be confined")
  .addHelpText(
    "after",
    "\nExample:\n  $ boma-agent run --token bt_… --join /etc/boma/join --grain rack=A12\n",
  )
  .action(async (options) => {
    // Before anything is loaded that is large enough to be compiled for speed.
    (await import("./commands/spare-memory.ts")).spareMemory();
    await (await import("./commands/run.ts")).run({ ...options, home: home() });
  });

program
  .command("apply")
  .description(
    "Apply a tree, TypeScript or YAML, to this machine. No master is needed. Exit 0: all is so, 1: something failed.",
  )
  .argument("<file>", "the tree")
  .option("--test", "only say what would change")
  .option("--pillar <file>", "the pillar, as YAML or JSON")
  .option("--root <dir>", "confine files below this directory, and refuse what cannot be confined")
  .option("--json", "one JSON document")
  .addHelpText("after", "\nExample:\n  $ boma-agent apply web.yaml --test\n")
  .action(async (file, options) =>
    (await import("./commands/apply.ts")).apply(file, { ...options, home: home() }),
  );

program
  .command("grains")
  .description("Collect this machine's grains and print them. No master is needed.")
  .option("--json", "one JSON document")
  .option("--grain <k=v>", "claim a grain; may be given several times", collect, [] as readonly string[])
  .option("--root <dir>", "read custom grains below this directory")
  .addHelpText("after", "\nExample:\n  $ boma-agent grains --json\n")
  .action(async (options) => (await import("./commands/grains.ts")).grains(options));

program
  .command("status")
  .description(
    "How the agent on this machine is. Exit 0: connected, 5: waiting, 3: not running or not connected.",
  )
  .option("--json", "one JSON document")
  .addHelpText("after", "\nExample:\n  $ boma-agent status\n")
  .action(async (options) => (await import("./commands/status.ts")).status({ ...options, home: home() }));

program
  .command("enroll")
  .description("Show this machine's fingerprint, to be compared when an operator approves it.")
  .option("--json", "one JSON document")
  .addHelpText("after", "\nExample:\n  $ boma-agent enroll\n")
  .action(async (options) => (await import("./commands/enroll.ts")).enroll({ ...options, home: home() }));

program
  .command("emulate", { hidden: true })
  .description(
    "Many agents in one process, over machines of memory: each has its own keys, credential, connection, grains and journal.",
  )
  .requiredOption("--count <n>", "how many", Number)
  .option("--token <token>", "a token that may be used as often")
  .option("--token-file <file>", "the same from a file")
  .option("--join <file>", "who the master is")
  .option("--master <url>", "address of the bus")
  .option("--prefix <text>", "what the ids begin with", "emulated")
  .option("--latency <ms>", "what each message of a node takes longer, each way")
  .option("--loss <percent>", "of what a node asks or hands over: that it, or its answer, does not arrive")
  .option("--flap <seconds>", "a node's connection drops about this often, and returns")
  .option("--slow <percent:ms>", "so many nodes take so much longer for each function")
  .addHelpText(
    "after",
    "\nExample:\n  $ boma-agent emulate --count 1000 --token-file token --latency 40 --slow 5:2000\n",
  )
  .action(async (options) => (await import("./commands/emulate.ts")).emulate({ ...options, home: home() }));

program
  .command("undo", { hidden: true })
  .description("Take back a change that nobody confirmed in time.")
  .argument("<dir>", "where such changes are kept")
  .argument("[id]", "the change to watch; without it all that an earlier boot left")
  .addHelpText("after", "\nExample:\n  $ boma-agent undo /var/lib/boma/agent/undo\n")
  .action(async (dir, id) => (await import("./commands/undo.ts")).undo(dir, id));

/** Commander's own complaints are usage errors, whose exit code is 2; it has printed them for people already. */
for (const command of [program, ...program.commands])
  command.exitOverride((error) => {
    if (error.exitCode !== 0 && wantsJson()) {
      const message = error.message.replace(/^error: /, "");
      printError({ code: "usage/argument", message, hint: "See `boma-agent --help`." });
    }
    process.exit(error.exitCode === 0 ? 0 : 2);
  });

const wantsJson = (): boolean => process.argv.includes("--json");

function printError(error: { readonly code: string; readonly message: string; readonly hint: string }): void {
  process.stdout.write(`${JSON.stringify({ ok: false, error })}\n`);
}

async function fail(thrown: unknown): Promise<void> {
  const { asBomaError, escapeControl } = await import("@boma/protocol");
  const error = asBomaError(thrown);
  const { code, message, hint } = error;
  if (wantsJson()) printError({ code, message, hint });
  else process.stderr.write(escapeControl(`error[${code}]: ${message}\n  hint: ${hint}\n`));
  process.exitCode = error.exit;
}

// A reader such as `head` that has seen enough is no fault; an agent that serves goes on without one.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  if (!process.argv.includes("run")) process.exit(0);
});

try {
  await program.parseAsync();
} catch (thrown) {
  await fail(thrown);
}
