import { IMAGE_ARCHS } from "@boma/protocol";
import { type Command, Option } from "@commander-js/extra-typings";

import { style } from "../print/output.ts";
import { table } from "../print/table.ts";
import { collect, example, homeOption, jsonOption, perform, usage } from "./shell.ts";

export function image(program: Command): void {
  const group = program
    .command("image")
    .summary("netboot images: build, list")
    .description(
      "An image is a kernel and an initramfs that hold a Debian root, the agent, and who its master is.",
    )
    .addHelpText("after", example("boma-master image build --arch arm64"));
  build(group);
  list(group);
}

const build = (group: Command): unknown =>
  group
    .command("build")
    .description(
      "Builds a live image out of Debian packages, and signs it. Needs no running master, and no root; the same packages give the same bytes.",
    )
    .addOption(new Option("--arch <arch>", "for which machines").choices(IMAGE_ARCHS).makeOptionMandatory())
    .option("--name <name>", "what it is called (default: live-ARCH, with --install install-ARCH)")
    .option("--kernel <package>", "the package of its kernel (default: linux-image-ARCH)")
    .option("--install", "it can also put itself on a disk, and is larger by what a system on a disk needs")
    .option("--profile <name>", "what its nodes claim to be meant for, shown where they are let in")
    .option("--package <name>", "a further package for its root (may be repeated)", collect, [])
    .option("--agent <file>", "the agent's package (default: this version's in <home>/packages, or in dist)")
    .option("--join <file>", "who the master is (default: the one of this home)")
    .option("--sources <file>", "where packages come from, a file of apt's")
    .option("--level <n>", "how hard the root is packed, 1 to 22", "15")
    .option("--key <file>", "the release key (default: the one of this home)")
    .option("--dir <dir>", "where images go (default: <home>/images)")
    .option("--cache <dir>", "where packages are kept between builds (default: <home>/image-cache)")
    .addOption(homeOption())
    .addOption(jsonOption())
    .addHelpText("after", example("boma-master image build --arch amd64 --package lldpd"))
    .action((options) =>
      perform(options, async (output) => {
        const [{ buildImage }, { homeAt }, { imageInputs }] = await Promise.all([
          import("../image/build-image.ts"),
          import("../home.ts"),
          import("../image/image-inputs.ts"),
        ]);
        const level = Number(options.level);
        if (!Number.isInteger(level) || level < 1 || level > 22)
          throw usage(`--level ${options.level} is not a number from 1 to 22`);
        const began = performance.now();
        const inputs = imageInputs(homeAt(options.home), options);
        const onStep = (step: string) => output.line(style("dim", step));
        const manifest = await buildImage({ ...inputs, packages: options.package, level, onStep });
        const seconds = Math.round((performance.now() - began) / 1000);
        const { name, files, packages, kernelVersion } = manifest;
        output.document({ ok: true, dir: inputs.dir, seconds, ...documented(manifest), packages });
        output.line(
          `${style("bold", name)}  kernel ${kernelVersion} ${mib(files.kernel.bytes)}  initrd ${mib(files.initrd.bytes)}  ${packages.length} packages  ${seconds} s`,
        );
        output.line(style("dim", `next: boma-master netboot serve --images ${inputs.dir}`));
      }),
    );

const list = (group: Command): unknown =>
  group
    .command("list")
    .description("Lists the images, and whether each is what the release key signed.")
    .option("--dir <dir>", "where images are (default: <home>/images)")
    .addOption(homeOption())
    .addOption(jsonOption())
    .addHelpText("after", example("boma-master image list"))
    .action((options) =>
      perform(options, async (output) => {
        const [{ ImageShelf }, { homeAt }, { imagesDir, imageTrust }] = await Promise.all([
          import("../image/image-shelf.ts"),
          import("../home.ts"),
          import("../image/image-inputs.ts"),
        ]);
        const home = homeAt(options.home);
        const refused: { readonly name: string; readonly why: string }[] = [];
        const shelf = new ImageShelf(options.dir ?? imagesDir(home), imageTrust(home), (name, why) =>
          refused.push({ name, why }),
        );
        await shelf.refresh();
        const images = shelf.list().map(({ manifest }) => manifest);
        output.document({ ok: refused.length === 0, images: images.map(documented), refused });
        for (const { name, why } of refused) output.note(`${style("red", name)}  ${why}`);
        if (images.length === 0) output.line("no images; `boma-master image build --arch arm64` makes one");
        else
          output.line(
            table(images, [
              { head: "NAME", text: ({ name }) => name, colour: (text) => style("bold", text) },
              { head: "ARCH", text: ({ arch }) => arch },
              { head: "KERNEL", text: ({ kernelVersion }) => kernelVersion },
              { head: "AGENT", text: ({ agentVersion }) => agentVersion },
              { head: "SIZE", text: ({ files }) => mib(files.kernel.bytes + files.initrd.bytes) },
            ]),
          );
        return refused.length === 0 ? 0 : 1;
      }),
    );

interface Described {
  readonly name: string;
  readonly arch: string;
  readonly kernelVersion: string;
  readonly agentVersion: string;
  readonly rootBytes: number;
  readonly files: Readonly<Record<"kernel" | "initrd", { readonly digest: string; readonly bytes: number }>>;
}

const documented = ({ name, arch, kernelVersion, agentVersion, rootBytes, files }: Described) => ({
  name,
  arch,
  kernelVersion,
  agentVersion,
  rootBytes,
  files,
});

const mib = (bytes: number): string => `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
