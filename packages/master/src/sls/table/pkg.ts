import { Refusal } from "../finding.ts";
import { hasMark } from "../marks.ts";
import type { Arg, Value } from "../values.ts";
import {
  asFlag,
  asText,
  flag,
  harmless,
  type Made,
  number,
  only,
  type Row,
  type Rule,
  type Use,
  wordOf,
} from "./row.ts";

const refresh: Rule = (arg, use) => {
  if (flag(arg, "refresh") === true) return { refreshAfter: "0s" };
  use.differs(
    "`refresh: False`: boma fetches lists of packages that are old, where they are needed",
    "`refreshAfter` says how old.",
  );
  return {};
};

const choices: Readonly<Record<string, Rule>> = {
  pkgs: harmless,
  refresh,
  cache_valid_time: (arg) => ({ refreshAfter: `${number(arg, "cache_valid_time")}s` }),
  fromrepo: asText("fromSuite"),
  install_recommends: asFlag("recommends"),
  skip_suggestions: harmless,
  update_holds: asFlag("allowChangeHeld"),
  skip_verify: only(false, "`skip_verify` takes packages that nobody signed, which boma never does"),
  reinstall: only(false, "`reinstall` has no counterpart"),
  allow_updates: only(false, "`allow_updates` has no counterpart: a version is one, or its beginning"),
};

/** Salt's apt installs what is recommended, too; boma does where it is said. */
const always = { recommends: true };

/** `pkgs`: a name, or a name and its version. */
function listed(arg: Arg): readonly { readonly name: string; readonly version: string | undefined }[] {
  if (!Array.isArray(arg.value)) throw new Refusal("`pkgs` is no list", "Salt would refuse it, too.", arg.at);
  return (arg.value as Value[]).flatMap((entry) => {
    if (typeof entry !== "object" || entry === null) return [{ name: String(entry), version: undefined }];
    return Object.entries(entry).map(([name, version]) => {
      if (version === null) return { name, version: undefined };
      return { name, version: versionOf(version as Value, arg) };
    });
  });
}

function versionOf(value: Value, arg: Arg, source?: string): string {
  if (typeof value === "number" && !Number.isInteger(value))
    throw new Refusal(
      `the version ${source ?? value} is a number to YAML, which loses digits`,
      "Put it in quotes.",
      arg.at,
    );
  if (typeof value !== "string" && typeof value !== "number")
    throw new Refusal("the version is no text", "Put it in quotes.", arg.at);
  const version = String(value);
  if (/[<>=!,]/.test(version) || version === "latest" || version === "")
    throw new Refusal(
      `the version \`${version}\` is no version`,
      "`pkg.installed` takes one version or its beginning (`1.22.*`); `pkg.latest` keeps to the newest.",
      arg.at,
    );
  return version;
}

/** Those without a version in one declaration, and one for each that has one. */
function several(made: Made, use: Use): readonly Made[] {
  const arg = use.args.get("pkgs");
  if (!arg) return [made];
  const pkgs = listed(arg);
  const plain = pkgs.filter(({ version }) => version === undefined).map(({ name }) => name);
  const key = plain.length === 1 ? plain[0]! : groupName(use);
  const { version: _, ...shared } = made.params as Record<string, unknown>;
  const together = plain.length > 1 ? { names: plain } : {};
  return [
    ...(plain.length === 0 ? [] : [{ ...made, key, params: { ...together, ...shared } }]),
    ...pkgs.flatMap(({ name, version }) =>
      version === undefined ? [] : [{ ...made, key: name, params: { version, ...shared } }],
    ),
  ];
}

const groupName = ({ id }: Use): string =>
  hasMark(id) ? id : wordOf(id.toLowerCase(), /[^a-z0-9+.]+/g) || "packages";

function unversioned(made: Made, use: Use): readonly Made[] {
  const all = several(made, use);
  const [first] = all.filter(({ params }) => "version" in params);
  if (first)
    throw new Refusal(
      `a version of ${first.key}: \`${made.state}\` takes none`,
      "Leave the version out.",
      use.at,
    );
  return all;
}

const removal: Row["params"] = { pkgs: harmless, purge: only(false, "`purge`: use pkg.purged") };

function removed(made: Made, use: Use): readonly Made[] {
  use.differs(
    "apt would remove packages that depend on it, too; boma refuses",
    "`allowRemove: true` does as Salt does.",
  );
  return unversioned(made, use);
}

const late = ({ args }: Use): boolean => args.has("pkgs");

export const pkg: Readonly<Record<string, Row>> = {
  "pkg.installed": {
    to: "pkg.installed",
    params: {
      ...choices,
      version: (arg) => ({ version: versionOf(arg.value, arg, arg.source) }),
      hold: asFlag("hold"),
    },
    always,
    finish: several,
    late,
  },
  "pkg.latest": { to: "pkg.latest", params: choices, always, finish: unversioned, late },
  "pkg.removed": { to: "pkg.removed", params: removal, finish: removed, late },
  "pkg.purged": { to: "pkg.purged", params: removal, finish: removed, late },
  "pkg.held": { to: "pkg.held", params: {}, key: ({ name }) => name },
  "pkg.unheld": { to: "pkg.held", params: {}, always: { held: false } },
};
