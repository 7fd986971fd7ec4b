import { join } from "node:path";

import type { Command } from "@commander-js/extra-typings";

import type { Home } from "../home.ts";
import { type Output, style } from "../print/output.ts";
import { collect, example, homeOption, jsonOption, perform, usage } from "./shell.ts";

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
    .option(
      "--nats-certificate <dir>",
      "write a certificate that nodes believe for an external nats-server, server.pem and server.key, and change nothing else",
    )
    .option("--name <host>", "of --nats-certificate: how nodes reach it (may be repeated)", collect, [])
    .addOption(homeOption())
    .addOption(jsonOption())
    .addHelpText("after", example("boma-master init --site ~/fleet"))
    .action((options) =>
      perform(options, async (output) => {
        const [{ homeAt }, { initialise }] = await Promise.all([import("../home.ts"), import("../init.ts")]);
        const home = homeAt(options.home);
        if (options.printNatsConfig) return void process.stdout.write(await natsConfig(home));
        if (options.natsCertificate !== undefined)
          return natsCertificate(home, output, { dir: options.natsCertificate, names: options.name });
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

interface Wanted {
  readonly dir: string;
  readonly names: readonly string[];
}

/** Signed by the authority that agents and operators have pinned. */
async function natsCertificate(home: Home, output: Output, { dir, names }: Wanted): Promise<void> {
  const [fs, { isIP }, { assertInitialised, writeSecret }, { issueServerCertificate }] = await Promise.all([
    import("node:fs"),
    import("node:net"),
    import("../home.ts"),
    import("../bus/tls.ts"),
  ]);
  assertInitialised(home);
  if (names.length === 0) throw usage("--nats-certificate needs --name HOST: how nodes reach the server");
  const [certificate, key] = [join(dir, "server.pem"), join(dir, "server.key")];
  for (const path of [certificate, key]) if (fs.existsSync(path)) throw usage(`${path} is there already`);
  const read = (name: string): string => fs.readFileSync(join(home.keys, name), "utf8");
  const made = await issueServerCertificate(
    { certificate: read("ca.pem"), privateKey: read("ca.key") },
    { dns: names.filter((name) => !isIP(name)), ips: names.filter((name) => isIP(name)) },
  );
  fs.mkdirSync(dir, { recursive: true });
  writeSecret(key, made.privateKey);
  fs.writeFileSync(certificate, made.certificate);
  output.document({ ok: true, certificate, key, names });
  output.line(`${style("green", "made")} ${certificate} and ${key} for ${names.join(", ")}`);
}

async function natsConfig(home: Home): Promise<string> {
  const [
    { readFileSync },
    { assertInitialised },
    { serverTrust },
    { renderExternalConfig },
    { parseBusTrust },
  ] = await Promise.all([
    import("node:fs"),
    import("../home.ts"),
    import("../bus/accounts.ts"),
    import("../bus/config.ts"),
    import("../bus/trust.ts"),
  ]);
  assertInitialised(home);
  return renderExternalConfig(
    await serverTrust(parseBusTrust(readFileSync(join(home.keys, "bus.json"), "utf8"))),
  );
}
