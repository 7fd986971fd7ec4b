import { z } from "zod";

import { diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import { makeDirectories, readIfThere } from "../owned-file.ts";
import { isSchedule } from "./schedule.ts";

const LINE = /^[^\n\r\0]*$/;
const params = z.strictObject({
  id: z
    .string()
    // cron passes over files with any other name, and says nothing.
    .regex(/^[A-Za-z0-9_-]{1,100}$/, "letters, digits, `_` and `-`: cron passes over any other file")
    .describe("Its name, and so the file's: two jobs with one command are two ids."),
  schedule: z
    .string()
    .refine(isSchedule, "five fields such as `*/5 * * * *`, or a word such as `@daily`")
    .describe("When: minute, hour, day of the month, month, day of the week."),
  command: z
    .string()
    .min(1)
    .max(900)
    .regex(LINE, "one line")
    .describe("One line for /bin/sh; `%` is only itself."),
  user: z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_.-]*\$?$/, "a user's name")
    .default("root")
    .describe("Who runs it."),
  environment: z
    .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), z.string().regex(LINE, "one line"))
    .default({})
    .describe("Variables for the command; cron's own PATH is short."),
});
type Want = z.output<typeof params>;

const pathOf = (id: string): string => `/etc/cron.d/${id}`;
const OWNERSHIP = { owner: "root", group: "root", mode: "0644" } as const;

export default defineState({
  name: "cron.job",
  summary: "A line of cron in a file of its own below /etc/cron.d.",
  key: "id",
  params,
  confinable: true,
  claims: ({ id }) => [`file:${pathOf(id)}`],
  after: () => ["file:/etc/cron.d", "pkg:cron"],

  async check(want, { files }) {
    const path = pathOf(want.id);
    const now = await files.stat(path);
    const { owner, group, mode } = OWNERSHIP;
    const is = now && {
      // cron takes no link: one is replaced by the file.
      contents: now.type === "file" ? await readIfThere(files, path) : undefined,
      owner: now.owner,
      group: now.group,
      mode: now.mode,
    };
    return diff(is, { contents: textOf(want), owner, group, mode });
  },

  async apply(_, want, { files }) {
    await makeDirectories(files, "/etc/cron.d");
    await files.write(pathOf(want.id), textOf(want), OWNERSHIP);
  },

  examples: [
    {
      title: "every five minutes",
      key: "metrics",
      params: { schedule: "*/5 * * * *", command: "/usr/local/bin/metrics >/dev/null" },
      given: { files: { "/etc": { directory: true } } },
    },
    {
      title: "a date in the name, by somebody",
      key: "dump",
      params: {
        schedule: "30 2 * * mon-fri",
        command: "pg_dump app > /var/backups/app-$(date +%F).sql",
        user: "postgres",
        environment: { PATH: "/usr/bin:/bin", MAILTO: "" },
      },
      given: { files: { "/etc/cron.d/dump": { contents: "old", mode: "0600" } } },
    },
  ],
});

/** cron makes a `%` a line's end unless it is escaped, and takes no line without an end. */
function textOf({ id, schedule, command, user, environment }: Want): string {
  const variables = Object.entries(environment).map(([name, value]) => `${name}="${value}"\n`);
  const escaped = command.replaceAll("%", "\\%");
  return `# Kept by boma, cron.job(${id}): changes made here are undone.\n${variables.join("")}${schedule} ${user} ${escaped}\n`;
}
