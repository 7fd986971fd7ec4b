import { ExitCode } from "@boma/protocol";
import { type Command, Option } from "@commander-js/extra-typings";

import type { Bootstrapped } from "../bootstrap/bootstrap.ts";
import type { Settings } from "../bootstrap/settings.ts";
import type { StepEnd } from "../bootstrap/steps.ts";
import { type Output, style } from "../print/output.ts";
import { collect, example, jsonOption, perform } from "./shell.ts";

export const bootstrap = (program: Command): unknown =>
  program
    .command("bootstrap")
    .summary("make this machine the first server: master, node, boot service")
    .description(
      "Makes this machine the first server, from the installed packages: the master with its bus, itself as a node with a profile, and the boot service. Run again it changes nothing; killed, it is completed by the same command.",
    )
    .option("--profile <name>", "the profile of this machine", "bootstrap-server")
    .option("--site <dir>", "your site, which is copied into the master's home (default: a starter site)")
    .option(
      "--env <env>",
      "the environment that this machine is assigned to (default: what its profile says)",
    )
    .option("--id <id>", "what this machine is called as a node (default: its host name)")
    .option("--listen <host:port>", "where the bus listens", "0.0.0.0:4222")
    .option(
      "--name <host>",
      "a name or address under which nodes reach it (may be repeated; default: all of this machine)",
      collect,
      [],
    )
    .option("--boot-address <address>", "serve machines that boot, at this address of this machine")
    .option("--boot-interface <name>", "the network card on the boot LAN")
    .addOption(
      new Option(
        "--boot-dhcp <mode>",
        "and DHCP there: as `proxy` beside another server, or in `full`",
      ).choices(["proxy", "full"] as const),
    )
    .option("--boot-range <first,last>", "of --boot-dhcp full: the addresses that are given out")
    .option("--boot-router <address>", "of --boot-dhcp full: the way out of the boot LAN")
    .option("--packages <dir>", "hand out the agent's packages of this directory to machines with cloud-init")
    .addOption(jsonOption())
    .addHelpText(
      "after",
      example(
        "boma-master bootstrap --site ~/fleet --profile bootstrap-server --boot-address 10.77.0.1 --boot-interface eth1 --boot-dhcp full --boot-range 10.77.0.100,10.77.0.200",
      ),
    )
    .action((options) =>
      perform(options, async (output) => {
        const [{ readSettings }, { bootstrap: begin }] = await Promise.all([
          import("../bootstrap/settings.ts"),
          import("../bootstrap/bootstrap.ts"),
        ]);
        const settings = readSettings(options);
        const done = await begin(settings, {
          live: output.mode === "text",
          onStep: (end) => tellStep(output, end),
          onApply: () => output.line(style("dim", `\n${settings.profile} on ${settings.id}:`)),
        });
        return summary(output, settings, done);
      }),
    );

function tellStep(output: Output, { step, result, why }: StepEnd): void {
  const word = style(result === "changed" ? "yellow" : "green", result.padEnd(8));
  output.line(`${word} ${step}${why === undefined ? "" : style("dim", `  (${why})`)}`);
}

function summary(output: Output, { id, boot }: Settings, done: Bootstrapped): ExitCode {
  const { applied, changes, steps } = done;
  const ok = applied.failed.length === 0 && ["ok", "changed"].includes(applied.status);
  output.document({ ok, node: id, changes, steps, applied });
  const count = `${changes} change${changes === 1 ? "" : "s"}`;
  output.line();
  if (ok) output.line(`${style("green", "done")}  ${count}`);
  else
    output.line(
      `${style("red", "not converged")}  ${count}; ${applied.status}: ${applied.failed.join("; ")}`,
    );
  output.line("\nnext:");
  for (const [command, what] of nextSteps(id, boot !== undefined, ok))
    output.line(`  ${command.padEnd(52)}  ${style("dim", what)}`);
  return ok ? ExitCode.ok : ExitCode.failed;
}

const nextSteps = (id: string, boots: boolean, ok: boolean): readonly (readonly [string, string])[] => [
  ...(ok ? [] : [[`boma-master run ${id} state.apply`, "when what failed is mended"] as const]),
  ["boma-master nodes", "this machine is the first of them"],
  ["cp /var/lib/boma-master/master/keys/root.json …", "keep a copy of the root key offline"],
  ...(boots
    ? ([
        ["boma-master image build --arch arm64", "what machines boot; and --arch amd64"],
        ["boma-master netboot open --mac 52:54:00:12:34:56", "let one in, and switch it on"],
      ] as const)
    : ([["boma-master token create --env dev", "for the next machine"]] as const)),
];
