import { Refusal } from "../finding.ts";
import type { Arg } from "../values.ts";
import { lineRows } from "./file-lines.ts";
import {
  asFlag,
  asMode,
  asText,
  flag,
  harmless,
  type Made,
  only,
  type Row,
  type Rule,
  shown,
  text,
  texts,
  type Use,
  withoutSlash,
} from "./row.ts";

const path = ({ name }: Use): string => withoutSlash(name);

const ownership: Readonly<Record<string, Rule>> = {
  user: asText("owner"),
  group: asText("group"),
};

const template: Rule = (arg) => {
  throw new Refusal(
    `the file is a template (${shown(arg.value)})`,
    "Write its content in TypeScript: `contents: text`…${pillar.x}…``; its text is in your Salt files.",
    arg.at,
  );
};

const makedirs: Rule = (arg, use) => {
  const createDirs = flag(arg, "makedirs");
  if (createDirs === true && (use.args.has("user") || use.args.has("group")))
    use.differs(
      "directories that are made above it belong to root, not to its owner",
      "Declare them with file.directory.",
    );
  return { createDirs };
};

/** `salt://web/site.conf` is files/web/site.conf of the site. */
function fromSite(source: string, arg: Arg, use: Use): string {
  const [, inside] = /^salt:\/\/([^?|]+)$/.exec(source) ?? [];
  if (inside === undefined)
    throw new Refusal(`the source ${source}`, "Only files of the site can be a source: `files/…`.", arg.at);
  const to = `files/${withoutSlash(inside)}`;
  use.note(`its source is ${to} of the site`, `Copy it from ${source}.`);
  return to;
}

const SHA256 = /^(?:sha256[=:])?([0-9a-f]{64})$/i;

export function sha256Of(use: Use): string {
  const arg = use.args.get("source_hash");
  const [, sum] = SHA256.exec(arg && typeof arg.value === "string" ? arg.value.trim() : "") ?? [];
  if (sum !== undefined) return sum.toLowerCase();
  throw new Refusal(
    "its SHA-256 is not said",
    "boma takes what it knows by checksum only: `sha256sum FILE`.",
    arg?.at ?? use.at,
  );
}

/** A file of the site, or one from elsewhere that is known by its checksum. */
const source: Rule = (arg, use) => {
  if (Array.isArray(arg.value) && arg.value.length > 1)
    throw new Refusal(
      "several sources: which one counts is decided on the node",
      "Name the one that is meant.",
      arg.at,
    );
  const [one = ""] = texts(arg, "source");
  if (/^https?:\/\//.test(one)) return { url: one, sha256: sha256Of(use) };
  return { source: fromSite(one, arg, use) };
};

const contents: Rule = (arg, use) => {
  const whole = texts(arg, "contents").join("\n");
  if (whole === "")
    throw new Refusal("its content is empty", 'Write `contents: ""` by hand, if that is meant.', arg.at);
  if (use.args.get("contents_newline")?.value === false || whole.endsWith("\n")) return { contents: whole };
  if (whole.endsWith("\ue001"))
    use.differs("a line's end is put after the value in any case", "Salt puts it only where there is none.");
  return { contents: `${whole}\n` };
};

/** Words that no shell would read otherwise. */
const validate: Rule = (arg) => {
  const line = text(arg, "check_cmd");
  if (!/^[\w./:=@%+, -]+$/.test(line))
    throw new Refusal("`check_cmd` needs a shell", "`validate` takes a program and its arguments.", arg.at);
  return { validate: [...line.trim().split(/\s+/), "{}"] };
};

function managed(made: Made, use: Use): Made {
  if ("url" in made.params) {
    for (const name of ["replace", "backup", "check_cmd"])
      if (use.args.has(name))
        throw new Refusal(
          `\`${name}\` with a source from elsewhere`,
          "download.file has no such parameter.",
          use.args.get(name)!.at,
        );
    return { ...made, state: "download.file" };
  }
  return made;
}

const isFetched = ({ args }: Use): boolean => /^https?:/.test(shown(args.get("source")?.value));

const fileParams: Readonly<Record<string, Rule>> = {
  ...ownership,
  mode: asMode("mode"),
  source,
  source_hash: harmless,
  contents,
  contents_newline: harmless,
  makedirs,
  template,
  replace: asFlag("replace"),
  check_cmd: validate,
  skip_verify: only(false, "`skip_verify` takes whatever comes; boma takes what it knows by checksum"),
  follow_symlinks: only(true, "`follow_symlinks: False` has no counterpart"),
  encoding: only("utf-8", "an encoding other than utf-8"),
  create: only(true, "`create: False` has no counterpart"),
  allow_empty: harmless,
  show_changes: (arg, use) => {
    if (arg.value === false)
      use.differs("the change of its content is shown", "A secret (`!secret`) is never shown.");
    return {};
  },
  backup: (arg, use) => {
    if (arg.value === "minion" || arg.value === "both" || arg.value === true) {
      use.note("what was there before is kept in /var/backups/boma", "Nothing.");
      return { backup: true };
    }
    return only(false, `\`backup: ${shown(arg.value)}\` keeps a copy on the master, which boma does not`)(
      arg.value === "" ? { ...arg, value: false } : arg,
      use,
    );
  },
};

function directory(made: Made, use: Use): Made {
  const recurse = use.args.get("recurse");
  if (!recurse) {
    if (use.args.has("file_mode")) use.note("`file_mode` means nothing without `recurse`", "Nothing.");
    return made;
  }
  const wanted = texts(recurse, "recurse").toSorted().join(" ");
  const said = [...("owner" in made.params ? ["user"] : []), ...("group" in made.params ? ["group"] : [])];
  if (wanted !== said.toSorted().join(" ") || wanted === "")
    throw new Refusal(
      `\`recurse: [${texts(recurse, "recurse").join(", ")}]\``,
      "boma's `recurse` gives all that is below the same owner and group, those that are said, and no mode.",
      recurse.at,
    );
  const { fileMode: _, ...params } = made.params as Record<string, unknown>;
  return { ...made, params: { ...params, recurse: true } };
}

/** `dir_mode` counts before `mode`. */
const modeOfDirectory: Rule = (arg, use) => (use.args.has("dir_mode") ? {} : asMode0(arg, use));
const asMode0 = asMode("mode");

function recursive(made: Made, use: Use): Made {
  if (!use.args.has("file_mode") || !use.args.has("dir_mode"))
    use.differs(
      "where no mode is said, boma's files have 0644 and its directories 0755",
      "Say `fileMode` and `directoryMode`.",
    );
  if (made.params["exclusive"] === true)
    use.note("boma refuses to remove more than ten files at once", "Raise `maxDelete` where more may go.");
  return made;
}

export const file: Readonly<Record<string, Row>> = {
  ...lineRows,
  "file.managed": {
    to: "file.managed",
    key: ({ name }) => name,
    params: fileParams,
    finish: managed,
    late: isFetched,
  },
  "file.directory": {
    to: "file.directory",
    key: path,
    params: {
      ...ownership,
      mode: modeOfDirectory,
      dir_mode: asMode("mode"),
      file_mode: harmless,
      makedirs,
      recurse: harmless,
      clean: only(
        false,
        "`clean` keeps what other declarations put there; boma's `exclusive` keeps what `keep` names",
      ),
      follow_symlinks: only(false, "`follow_symlinks` has no counterpart"),
    },
    finish: directory,
  },
  "file.recurse": {
    to: "file.recurse",
    key: path,
    params: {
      ...ownership,
      source: (arg, use) => ({ source: fromSite(text(arg, "source"), arg, use) }),
      file_mode: asMode("fileMode"),
      dir_mode: asMode("directoryMode"),
      clean: asFlag("exclusive"),
      template,
      makedirs: harmless,
      include_empty: only(false, "`include_empty` has no counterpart"),
    },
    always: { createDirs: true },
    finish: recursive,
  },
  "file.symlink": {
    to: "file.symlink",
    params: {
      target: asText("target"),
      force: (arg, use) => {
        use.differs(
          "`force` never removes a directory that holds something",
          "Remove it by hand, if that is meant.",
        );
        return { force: flag(arg, "force") };
      },
      makedirs: asFlag("createDirs"),
    },
  },
  "file.absent": { to: "file.absent", key: path, params: {}, always: { recursive: true } },
};
