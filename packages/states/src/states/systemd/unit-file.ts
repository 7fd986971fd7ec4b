/** Files of systemd: their names, their text, and whether systemd accepts and knows them. */
import { posix } from "node:path";

import { BomaError } from "@boma/protocol";
import { z } from "zod";

import type { Host, ReadHost } from "../../host/host.ts";
import type { Given } from "../../testing/given.ts";
import { makeDirectories } from "../owned-file.ts";

export const UNITS_DIR = "/etc/systemd/system";

const UNIT =
  /^[A-Za-z0-9:_.\\-]{1,200}(@[A-Za-z0-9:_.\\-]*)?\.(service|socket|timer|path|target|mount|automount|swap|slice)$/;
export const UnitFileName = z
  .string()
  .regex(UNIT, "a unit with its kind, such as `web.service` or `web@.service`")
  .refine((name) => !/^[.-]/.test(name), "it begins with a letter or a digit");

const Value = z.union([z.string(), z.number(), z.boolean()]);
const LINE = /^[^\n\r\0]*$/;
export const Sections = z
  .record(
    z.string().regex(/^[A-Za-z0-9-]+$/, "a section such as `Service`"),
    z.record(
      z.string().regex(/^[A-Za-z0-9]+$/, "a setting such as `ExecStart`"),
      z.union([Value, z.array(Value).max(1000)]),
    ),
  )
  .refine(
    (sections) =>
      Object.values(sections).every((rows) =>
        Object.values(rows)
          .flat()
          .every((value) => LINE.test(String(value))),
      ),
    "a value is one line",
  )
  .describe(
    "The file by sections and settings; a list gives a line for each, an empty text clears what was before.",
  );

/** A whole file: as text, or by its sections. */
export const whole = {
  contents: z.string().optional().describe("The whole text of the file.").meta({ as: "text" }),
  sections: Sections.optional(),
  verify: z
    .boolean()
    .default(true)
    .describe("Have systemd check it first; what it would ignore is an error, too."),
};

export const hasOneForm = ({ contents, sections }: { contents?: unknown; sections?: unknown }): boolean =>
  (contents === undefined) !== (sections === undefined);

export function textOf({
  contents,
  sections,
}: {
  readonly contents?: string | undefined;
  readonly sections?: z.output<typeof Sections> | undefined;
}): string {
  if (contents !== undefined) return contents.endsWith("\n") ? contents : `${contents}\n`;
  return Object.entries(sections ?? {})
    .map(([name, rows]) => `[${name}]\n${linesOf(rows).join("")}`)
    .join("\n");
}

const linesOf = (rows: z.output<typeof Sections>[string]): string[] =>
  Object.entries(rows).flatMap(([name, value]) => [value].flat().map((one) => `${name}=${wordOf(one)}\n`));

const wordOf = (value: string | number | boolean): string =>
  typeof value === "boolean" ? (value ? "yes" : "no") : String(value);

/** A word of a command in a unit, with nothing in it that systemd would expand. */
export const escapeWord = (word: string): string => {
  const plain = word.replaceAll("\\", "\\\\").replaceAll("%", "%%").replaceAll("$", "$$$$");
  if (/^[A-Za-z0-9_@%+=:,./-]+$/.test(word)) return plain;
  return `"${plain.replaceAll('"', '\\"').replaceAll("\n", "\\n").replaceAll("\t", "\\t")}"`;
};

export interface UnitFile {
  readonly contents: string;
  /** `false`: the file is as it should be, but systemd has not read it yet. */
  readonly loaded: boolean;
}

/** What is: the text on the disk, and whether systemd has read it. */
export async function lookAt(host: ReadHost, path: string, unit: string): Promise<UnitFile | undefined> {
  const now = await host.files.stat(path);
  if (!now) return undefined;
  if (now.type !== "file")
    throw new BomaError("state/wrong-type", `${path} is a ${now.type}, not a file`, {
      hint: "A link to /dev/null is a mask: take it away with `systemctl unmask` where it is not meant.",
    });
  return { contents: await host.files.readText(path), loaded: await isLoaded(host, unit) };
}

/** systemd goes on asking to be reloaded for a masked unit with drop-ins: that one counts as read. */
async function isLoaded({ services }: ReadHost, unit: string): Promise<boolean> {
  // A template by itself is never loaded, only its instances are.
  if (unit.includes("@.")) return true;
  const { load, needsDaemonReload } = await services.status(unit);
  return load === "masked" || !needsDaemonReload;
}

/** Writes it after systemd has accepted a draft. */
export async function install(host: Host, path: string, text: string, draft?: Draft): Promise<void> {
  if (draft) await verify(host, path, draft);
  await makeDirectories(host.files, posix.dirname(path));
  await host.files.write(path, text, { owner: "root", group: "root", mode: "0644" });
}

/** Takes it away, and lets systemd forget that there was one. */
export async function uninstall({ files, services }: Host, path: string, unit: string): Promise<void> {
  await files.remove(path);
  await services.daemonReload();
  const { active } = await services.status(unit);
  if (active === "failed") await services.resetFailed(unit);
}

/** The machine of memory for examples. */
export const emptySystemd = {
  files: { "/run": { directory: true }, [UNITS_DIR]: { directory: true } },
  commands: { "systemd-analyze": { exitCode: 0 } },
} as const satisfies Given;

/** The files to look at, by their names below the draft's directory; the first is the unit. */
export type Draft = readonly (readonly [name: string, text: string])[];

const NO_PROGRAM = 127;

async function verify({ files, commands }: Host, path: string, draft: Draft): Promise<void> {
  const dir = await files.makeTemporary("/run");
  try {
    for (const [name, text] of draft) {
      const above = posix.dirname(name);
      if (above !== "." && !(await files.stat(`${dir}/${above}`)))
        await files.makeDirectory(`${dir}/${above}`);
      await files.write(`${dir}/${name}`, text);
    }
    const argv = ["systemd-analyze", "--man=no", "verify", `${dir}/${draft[0]![0]}`];
    const { exitCode, stdout, stderr } = await commands.read({ argv });
    if (exitCode === NO_PROGRAM) return;
    // Of a unit that loads only what is ignored counts: that is a line that does nothing, often a slip of the pen.
    const complaints = `${stderr}\n${stdout}`.split("\n").filter((line) => line.trim() !== "");
    const own = complaints.filter(
      (line) => /ignor/i.test(line) && draft.some(([name]) => line.includes(posix.basename(name))),
    );
    const said = exitCode === 0 ? own : complaints;
    if (said.length === 0) return;
    throw new BomaError(
      "unit/invalid",
      `systemd does not accept ${path}:\n${said.slice(0, 20).join("\n").replaceAll(`${dir}/`, "")}`,
    );
  } finally {
    await files.remove(dir, { recursive: true });
  }
}

/** The calendars that systemd cannot read, with its own words. */
export async function assertCalendars({ commands }: ReadHost, calendars: readonly string[]): Promise<void> {
  for (const calendar of calendars) {
    const { exitCode, stderr } = await commands.read({
      argv: ["systemd-analyze", "calendar", "--", calendar],
    });
    if (exitCode !== 0 && exitCode !== NO_PROGRAM)
      throw new BomaError(
        "unit/invalid",
        `systemd cannot read the calendar ${JSON.stringify(calendar)}: ${stderr.trim()}`,
        {
          hint: "Such as `daily`, `Mon *-*-* 03:00` or `*:0/15`: see systemd.time(7).",
        },
      );
  }
}
