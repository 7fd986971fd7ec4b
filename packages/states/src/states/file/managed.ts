import { z } from "zod";

import { defineState } from "../../define-state.ts";
import { compareFile, keepBackup, writeValidated } from "./contents.ts";
import { inTheWay, makeAbove, own, ownersOf, statAs } from "./ownership.ts";
import { aboveOf, Base64, CreateDirs, Group, Mode, Owner, Path, Source } from "./parameters.ts";
import { expandSource, notExpanded } from "./site-source.ts";

const params = z
  .strictObject({
    path: Path,
    contents: z.string().optional().describe("The whole text of the file.").meta({ as: "text" }),
    base64: Base64.optional(),
    source: Source.optional(),
    mode: Mode.optional(),
    owner: Owner.optional(),
    group: Group.optional(),
    createDirs: CreateDirs,
    replace: z
      .boolean()
      .default(true)
      .describe("`false`: the content is put there only where no file is; what is there stays."),
    backup: z
      .boolean()
      .default(false)
      .describe("Keep what was there before in /var/backups/boma, below the same path, ten times at most."),
    validate: z
      .array(z.string())
      .min(1)
      .refine((words) => words.some((word) => word.includes("{}")), "`{}` stands for the file to look at")
      .optional()
      .describe(
        "A program that must end with 0 before the content is put in place; `{}` is the draft beside it.",
      ),
  })
  .refine(
    ({ contents, base64, source }) =>
      [contents, base64, source].filter((said) => said !== undefined).length <= 1,
    "only one of `contents`, `base64` and `source` can be what stands in the file",
  );

export default defineState({
  name: "file.managed",
  summary: "A regular file with exactly this content, owner and mode.",
  key: "path",
  params,
  secretive: ["contents", "base64"],
  confinable: true,
  together: true,
  expand({ source, ...rest }, site) {
    return source === undefined ? rest : { ...rest, ...expandSource(source, site) };
  },
  claims: ({ path }) => [`file:${path}`],
  after: ({ path, owner, group }) => [...aboveOf(path), ...ownersOf({ owner, group })],

  async check({ path, source, replace, ...want }, { files }) {
    if (source !== undefined) throw notExpanded(path, source);
    const now = await statAs(files, path, "file");
    const kept = now && !replace ? { contents: undefined, base64: undefined } : {};
    return compareFile(files, path, { ...want, ...kept, now });
  },

  blocked: inTheWay,

  async apply(changes, want, host) {
    const { path, contents = "", base64, backup, validate, owner, group, mode } = want;
    const { files } = host;
    if (!changes.contents && !changes.sha256) return own(files, path, changes);
    if (want.createDirs) await makeAbove(files, path);
    if (backup) await keepBackup(files, path);
    const content = base64 === undefined ? contents : Buffer.from(base64, "base64");
    if (validate) return writeValidated(host, path, { content, validate, owner, group, mode });
    await files.write(path, content, { owner, group, mode });
  },

  examples: [
    {
      title: "a message of the day",
      key: "/etc/motd",
      params: { contents: "Welcome.\n", mode: "0644" },
      given: { files: { "/etc": { directory: true } } },
    },
    {
      title: "another content and mode, the old one kept",
      key: "/etc/motd",
      params: { contents: "new\n", mode: "0600", backup: true },
      given: { files: { "/etc": { directory: true }, "/etc/motd": "old\n" } },
    },
    {
      title: "only owner and mode",
      key: "/srv/app/key.pem",
      params: { owner: "app", group: "0", mode: "0440" },
      given: { files: { "/srv/app/key.pem": "key" } },
    },
    {
      title: "bytes, in directories that are made",
      key: "/srv/app/logo.png",
      params: { base64: "iVBORw0KGgo=", createDirs: true },
    },
    {
      title: "a first version that the machine may change",
      key: "/etc/app.conf",
      params: { contents: "first\n", replace: false, mode: "0640" },
      given: { files: { "/etc/app.conf": "changed\n" } },
    },
    {
      title: "rules for sudo that sudo can read",
      key: "/etc/sudoers.d/web",
      params: {
        contents: "web ALL=(root) NOPASSWD: /usr/bin/true\n",
        mode: "0440",
        validate: ["visudo", "-cf", "{}"],
      },
      given: { files: { "/etc/sudoers.d": { directory: true } }, commands: { visudo: {} } },
    },
  ],
});
