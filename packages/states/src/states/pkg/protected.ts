import { z } from "zod";

import { diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import type { Host } from "../../host/host.ts";
import { managedText, readIfThere, writeBelow } from "../owned-file.ts";
import { UnitName } from "../service/unit.ts";
import { blocked } from "../user/parameters.ts";

const RESTARTS = "/etc/needrestart/conf.d/boma-protected.conf";
const UPGRADES = "/etc/apt/apt.conf.d/52boma-protected";

interface Properties {
  readonly units: string;
  readonly packages: string;
}

const Package = z
  .string()
  .max(128)
  .regex(/^[a-z0-9][a-z0-9+.-]*\*?$/, "a package's name, or its beginning with a `*`");

export default defineState({
  name: "pkg.protected",
  summary: "Units that no upgrade restarts by itself, and packages that no upgrade takes along unasked.",
  key: "name",
  platforms: ["Debian"],
  params: z.strictObject({
    name: z.literal("node").describe("There is one list for a node, and this is its name."),
    units: z
      .array(UnitName)
      .max(200)
      .default([])
      .describe("What needrestart leaves running: `ceph-osd@` is all of them."),
    packages: z
      .array(Package)
      .max(200)
      .default([])
      .describe("What unattended-upgrades leaves alone: `ceph*`."),
  }),
  claims: () => [`file:${RESTARTS}`, `file:${UPGRADES}`],
  warnings: ({ units, packages }) => (units.length + packages.length > 0 ? [] : ["it protects nothing"]),

  async check(want, { files }) {
    const is = { units: await readIfThere(files, RESTARTS), packages: await readIfThere(files, UPGRADES) };
    return diff<Properties>(is, { units: restartsText(want.units), packages: upgradesText(want.packages) });
  },

  async apply({ units, packages }, _, host) {
    // They are there before the programs that read them: whoever installs one of those later finds it guarded.
    if (units) await writeBelow(host.files, RESTARTS, units.to);
    if (packages) await putProved(packages.to, host);
  },

  examples: [
    {
      title: "what is locked when it is restarted, and what a cluster stands on",
      key: "node",
      params: { units: ["vault", "consul", "ceph-osd@"], packages: ["vault", "consul", "ceph*"] },
      given: {
        files: { "/etc/apt/apt.conf.d": { directory: true }, "/tmp": { directory: true } },
        commands: { "apt-config": {} },
      },
    },
  ],
});

const escaped = (text: string): string => text.replaceAll(/[.+@\\-]/g, String.raw`\$&`);

/** `ceph-osd@` stands for every instance. A name has no sign in it that ends a pattern of Perl, or a text of it. */
function unitPattern(unit: string): string {
  const template = /^(.*@)(\.[a-z]+)$/.exec(unit);
  return template ? `${escaped(template[1]!)}.*${escaped(template[2]!)}` : escaped(unit);
}

const restartsText = (units: readonly string[]): string =>
  managedText(units.map((unit) => `$nrconf{override_rc}{qr(^${unitPattern(unit)}$)} = 0;\n`).join(""));

const packagePattern = (name: string): string =>
  name.endsWith("*") ? `^${escapedPackage(name.slice(0, -1))}` : `^${escapedPackage(name)}$`;
const escapedPackage = (name: string): string => name.replaceAll(/[.+]/g, String.raw`\$&`);

const upgradesText = (packages: readonly string[]): string =>
  [
    "// Kept by boma: changes made here are undone.",
    "Unattended-Upgrade::Package-Blacklist {",
    ...packages.map((name) => `  "${packagePattern(name)}";`),
    "};",
    "",
  ].join("\n");

/** A file that apt cannot read is the end of apt. */
async function putProved(text: string, { files, commands }: Host): Promise<void> {
  const draft = await files.makeTemporary("/tmp");
  try {
    await files.write(`${draft}/draft`, text);
    const { exitCode, stderr } = await commands.read({
      argv: ["apt-config", "-c", `${draft}/draft`, "dump"],
    });
    if (exitCode !== 0) throw blocked(`apt refuses the list of packages: ${stderr.trim().slice(0, 500)}`);
  } finally {
    await files.remove(draft, { recursive: true });
  }
  await writeBelow(files, UPGRADES, text);
}
