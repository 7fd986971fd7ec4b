import { join } from "node:path";

import type { Command } from "@commander-js/extra-typings";

import type { Home } from "../home.ts";
import { style } from "../print/output.ts";
import { example, homeOption, jsonOption, perform } from "./shell.ts";

export const init = (program: Command): unknown =>
  program
    .command("init")
    .summary("make the trust root, the bus's accounts and keys, and a starter site")
    .description(
      "Makes a new master: trust root, keys, the bus's accounts, and a commented site to begin with.",
    )
    .option("--site <dir>", "where the site goes (default: <home>/site)")
    .option(
      "--print-nats-config",
      "print what an external nats-server must be configured with, and change nothing",
    )
    .addOption(homeOption())
    .addOption(jsonOption())
    .addHelpText("after", example("boma-master init --site ~/fleet"))
    .action((options) =>
      perform(options, async (output) => {
        const [{ homeAt }, { initialise }] = await Promise.all([import("../home.ts"), import("../init.ts")]);
        const home = homeAt(options.home);
        if (options.printNatsConfig) return void process.stdout.write(await natsConfig(home));
        const made = await initialise(home, options.site ?? join(home.dir, "site"));
        output.document({ ok: true, home: home.dir, ...made });
        output.line(`${style("green", "made")} a trust root in ${home.dir}`);
        output.line(`  root key     ${made.root}`);
        output.line(`  site         ${made.site}${made.wroteSite ? "" : " (was there; left as it is)"}`);
        output.line(
          `  keep safe    ${join(home.keys, "root.json")}: it may be moved to a safe place; only \`rekey\` needs it`,
        );
        const flag = options.home === undefined ? "" : ` --home ${options.home}`;
        output.line(`\nnext: ${style("bold", `boma-master serve${flag}`)}`);
      }),
    );

async function natsConfig(home: Home): Promise<string> {
  const [{ readFileSync }, { assertInitialised }, { renderExternalConfig }, { parseBusTrust, serverTrust }] =
    await Promise.all([
      import("node:fs"),
      import("../home.ts"),
      import("../bus/config.ts"),
      import("../bus/trust.ts"),
    ]);
  assertInitialised(home);
  return renderExternalConfig(
    await serverTrust(parseBusTrust(readFileSync(join(home.keys, "bus.json"), "utf8"))),
  );
}
