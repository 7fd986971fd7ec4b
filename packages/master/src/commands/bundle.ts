import { resolve } from "node:path";

import type { Command } from "@commander-js/extra-typings";

import { style } from "../print/output.ts";
import type { LoadedSite, SiteCompiler } from "../site/site-compiler.ts";
import { asking, example, homeOption, jsonOption, perform, performAsking } from "./shell.ts";

export function bundle(program: Command): void {
  const group = program
    .command("bundle")
    .summary("the site's own states: build and sign them, and the key for it")
    .description(
      "The site's own states run on every node. They travel as one file that the site's release key has signed.",
    )
    .addHelpText("after", example("boma-master bundle build --key /media/stick/release.json"));
  build(group);
  key(group);
  pin(group);
}

const build = (group: Command): unknown =>
  group
    .command("build")
    .description(
      "Builds and signs the bundle of the site. Needs no running master, and may be done elsewhere.",
    )
    .option("--site <dir>", "where the site is (default: <home>/site)")
    .option("--key <file>", "the release key (default: the one of this home)")
    .addOption(homeOption())
    .addOption(jsonOption())
    .addHelpText("after", example("boma-master bundle build --site . --key /media/stick/release.json"))
    .action((options) =>
      perform(options, async (output) => {
        const [{ signBundle }, { homeAt }, { SiteCompiler }, { buildBundle }, { BundleShelf }, keys] =
          await Promise.all([
            import("@boma/protocol"),
            import("../home.ts"),
            import("../site/site-compiler.ts"),
            import("../bundles/build-bundle.ts"),
            import("../bundles/bundle-shelf.ts"),
            import("../bundles/release-key.ts"),
          ]);
        const home = homeAt(options.home);
        const site = resolve(options.site ?? `${home.dir}/site`);
        const release = keys.readReleaseKey(options.key ?? keys.releaseKeyFile(home));
        const { kinds, errors } = await loadAndClose(new SiteCompiler({ site }));
        const broken = errors.find(({ place }) => place?.file.startsWith("states/"));
        if (broken) throw broken;
        if (kinds.length === 0) {
          output.document({ ok: true, states: [] });
          return output.line(`${site} defines no states of its own: there is nothing to build`);
        }
        const built = await buildBundle(site, kinds);
        const { digest, bytes, states } = built.manifest;
        const files = new BundleShelf(site).put(built, signBundle(built.manifest, release));
        output.document({ ok: true, digest, bytes, states, ...files });
        output.line(`${style("bold", digest.slice(0, 16))}  ${states.join(", ")}  ${bytes} bytes`);
        output.line(`  ${files.code}\n  ${files.signature}`);
        output.line(style("dim", "on the master these two files belong into .boma/bundles of its site"));
      }),
    );

async function loadAndClose(compiler: SiteCompiler): Promise<LoadedSite> {
  try {
    return await compiler.load();
  } finally {
    await compiler.close();
  }
}

const key = (group: Command): unknown =>
  group
    .command("key")
    .description("Shows the public release key; makes the key where there is none.")
    .option("--key <file>", "where the key is or goes (default: the one of this home)")
    .addOption(homeOption())
    .addOption(jsonOption())
    .addHelpText("after", example("boma-master bundle key --key /media/stick/release.json"))
    .action((options) =>
      perform(options, async (output) => {
        const [{ existsSync }, { homeAt }, keys] = await Promise.all([
          import("node:fs"),
          import("../home.ts"),
          import("../bundles/release-key.ts"),
        ]);
        const file = resolve(options.key ?? keys.releaseKeyFile(homeAt(options.home)));
        const made = !existsSync(file);
        const { publicKey } = made ? keys.createReleaseKey(file) : keys.readReleaseKey(file);
        const text = keys.printReleaseKey(publicKey);
        output.document({ ok: true, file, made, release: text });
        output.line(`${style("bold", text)}  ${made ? style("green", "made") : ""} ${file}`);
        output.line(style("dim", `nodes believe it once the root names it: boma-master bundle pin ${text}`));
      }),
    );

const pin = (group: Command): unknown =>
  asking(group.command("pin"))
    .description("Lets the root name the release key that nodes are to believe, and tells them.")
    .argument("[public-key]", "as `bundle key` prints it (default: the one of this home)")
    .option(
      "--root-key <file>",
      "where the root key is, if it is kept elsewhere (a path on the master's host)",
    )
    .addHelpText("after", example("boma-master bundle pin Gr4Vn5ONO+x/zXuouXBljDv9KMhktHSLpqtB3qlXC2A="))
    .action((text, options) =>
      performAsking(options, async (client, output) => {
        const [{ homeAt }, { parseReleaseKey, printReleaseKey, readReleaseKey, releaseKeyFile }] =
          await Promise.all([import("../home.ts"), import("../bundles/release-key.ts")]);
        const own = () => readReleaseKey(releaseKeyFile(homeAt(options.home))).publicKey;
        const release = text === undefined ? own() : parseReleaseKey(text);
        const rootKeyFile = options.rootKey === undefined ? {} : { rootKeyFile: resolve(options.rootKey) };
        const done = await client.ask<{ serial: number }>("master.rotate", { ...rootKeyFile, release });
        output.document({ ok: true, ...done, release: printReleaseKey(release) });
        output.line(`nodes believe ${printReleaseKey(release)} now; trust manifest ${done.serial}`);
      }),
    );
