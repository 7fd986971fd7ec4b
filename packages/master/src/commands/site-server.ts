import { join } from "node:path";

import type { Command } from "@commander-js/extra-typings";

import { type Output, style } from "../print/output.ts";
import { collect, example, homeOption, jsonOption, perform, usage } from "./shell.ts";

export const siteServer = (program: Command): unknown =>
  program
    .command("site-server")
    .summary("make what a nats-server at a site needs")
    .description(
      "Makes a directory with all that a nats-server at a site needs, through which the nodes that are assigned to it (site=NAME) reach the centre: configuration, credentials, certificate. Said again for the same site it makes other credentials, and those before are void. The master takes it up when it starts again.",
    )
    .argument("<site>", "its name, as nodes are assigned to it")
    .option("--url <url>", "where its nodes find it (may be repeated)", collect, [])
    .option("--centre <url>", "where the centre takes servers of sites (may be repeated)", collect, [])
    .requiredOption("--out <dir>", "the directory that is made")
    .addOption(homeOption())
    .addOption(jsonOption())
    .addHelpText(
      "after",
      example(
        "boma-master site-server fra --url tls://nats.fra.example.org:4222 --centre tls://boma.example.org:7422 --out fra",
      ),
    )
    .action((site, options) => perform(options, (output) => run(site, options, output)));

interface Options {
  readonly home?: string | undefined;
  readonly url: readonly string[];
  readonly centre: readonly string[];
  readonly out: string;
}

async function run(name: string, { home: at, url, centre, out }: Options, output: Output): Promise<void> {
  const [fs, { assertInitialised, homeAt, writeSecret }, { siteDirectory }] = await Promise.all([
    import("node:fs"),
    import("../home.ts"),
    import("../bus/site-directory.ts"),
  ]);
  if (url.length === 0) throw usage("--url is missing", "Say where the site's nodes find its server.");
  if (centre.length === 0) throw usage("--centre is missing", "Say where `serve --site-listen` takes it.");
  const home = homeAt(at);
  assertInitialised(home);
  if (fs.existsSync(out)) throw usage(`${out} is there already`, "Give a directory that is not there yet.");
  const made = await siteDirectory(home, { name, urls: url, centre });
  fs.mkdirSync(out, { mode: 0o700, recursive: true });
  for (const [file, text] of Object.entries(made.files)) writeSecret(join(out, file), text);
  // Last: what nobody has yet makes nothing void.
  writeSecret(join(home.keys, "bus.json"), made.busTrust);
  output.document({ ok: true, site: name, dir: out, files: Object.keys(made.files), urls: url });
  output.line(`${style("green", "made")} ${out} for the site ${name}`);
  output.line(
    `next: restart the master; bring ${out} to the site, and start nats-server -c nats-server.conf in it`,
  );
  output.line(
    `then: boma-master token create --assign site=${name}, or boma-master assign NODE site=${name}`,
  );
}
