import { Refusal } from "../finding.ts";
import type { Arg } from "../values.ts";
import { sha256Of } from "./file.ts";
import {
  asFlag,
  asNumber,
  asText,
  flag,
  harmless,
  type Made,
  only,
  type Row,
  type Rule,
  text,
  texts,
  type Use,
  withoutSlash,
} from "./row.ts";

const options: Rule = (arg) => ({
  options: texts(arg, "opts")
    .flatMap((one) => one.split(","))
    .map((one) => one.trim())
    .filter((one) => one !== "" && one !== "defaults"),
});

function mounted(made: Made): Made {
  const said = made.params["options"] as readonly string[] | undefined;
  // boma adds `nofail` by itself; Salt does not.
  return said?.includes("nofail") ? made : { ...made, params: { ...made.params, nofail: false } };
}

const unmounted: Row["params"] = {
  persist: harmless,
  device: () => {
    throw new Refusal(
      "`device`: only one of several mounts",
      "mount.unmounted takes away all that is mounted there.",
    );
  },
};

function extracted(made: Made, use: Use): Made {
  const arg = use.args.get("source");
  if (!arg) throw new Refusal("there is no `source`", "Say where the archive is.", use.at);
  const sha256 = sha256Of(use);
  use.differs(
    "boma's directory holds what is in the archive and nothing else; where other things lie there it refuses",
    "Give the archive a directory of its own.",
  );
  return {
    ...made,
    params: { ...placeOf(text(arg, "source"), arg), sha256, createDirs: true, ...made.params },
  };
}

function placeOf(source: string, arg: Arg): { url: string } | { archive: string } {
  if (/^https?:\/\//.test(source)) return { url: source };
  if (source.startsWith("/")) return { archive: source };
  throw new Refusal(
    `the source ${source}`,
    "It is a URL, or an archive on the node: put it there with file.managed.",
    arg.at,
  );
}

const strip: Rule = (arg) => {
  const [, parts] = /^--strip(?:-components)?=(\d+)$/.exec(text(arg, "options")) ?? [];
  if (parts === undefined)
    throw new Refusal("options of tar", "Only `--strip-components` has a counterpart: `strip`.", arg.at);
  return { strip: Number(parts) };
};

function checkout(made: Made, use: Use): Made {
  const { path, ...params } = made.params as { path?: string };
  if (path === undefined) throw new Refusal("there is no `target`", "Salt would refuse it, too.", use.at);
  if (!("revision" in params))
    throw new Refusal(
      "there is no `rev`: whatever the remote's HEAD is",
      "Say a branch, a tag or a commit as `revision`.",
      use.at,
    );
  if (/^(ssh:\/\/|[^/:]+@)/.test(use.name))
    throw new Refusal(
      "a repository by ssh",
      "git.checkout wants `knownHosts`, and trusts no other host.",
      use.at,
    );
  use.differs("no branch is checked out, only its commit", "Nothing, where nobody works in it.");
  return { ...made, key: withoutSlash(path), params: { remote: use.name, ...params } };
}

const git: Row = {
  to: "git.checkout",
  params: {
    target: (arg) => ({ path: text(arg, "target") }),
    rev: asText("revision"),
    branch: harmless,
    user: asText("owner"),
    identity: asText("sshKey"),
    force_reset: (arg) => ({ force: flag(arg, "force_reset") }),
    force_fetch: harmless,
    fetch_tags: harmless,
    remote: only("origin", "a remote by another name than origin"),
    depth: (_, use) => {
      use.note("`depth` is left out: what is fetched is decided by boma", "Nothing.");
      return {};
    },
  },
  finish: checkout,
  late: () => true,
};

const sizeOf = (arg: Arg): string =>
  /^\d+(\.\d+)?$/.test(text(arg, "size")) ? `${text(arg, "size")}M` : text(arg, "size");

export const storage: Readonly<Record<string, Row>> = {
  "archive.extracted": {
    to: "archive.extracted",
    key: ({ name }) => withoutSlash(name),
    params: {
      source: harmless,
      source_hash: harmless,
      user: asText("owner"),
      group: asText("group"),
      archive_format: harmless,
      enforce_toplevel: harmless,
      keep_source: harmless,
      clean: harmless,
      overwrite: harmless,
      source_hash_update: harmless,
      if_missing: harmless,
      options: strip,
    },
    finish: extracted,
  },
  "git.latest": git,
  "git.detached": git,
  "mount.mounted": {
    to: "mount.mounted",
    key: ({ name }) => withoutSlash(name),
    params: {
      device: asText("source"),
      fstype: asText("fstype"),
      opts: options,
      pass_num: asNumber("pass"),
      persist: asFlag("persist"),
      dump: only(0, "`dump` has no counterpart"),
      mkmnt: harmless,
      mount: only(true, "`mount: False`: it would be in /etc/fstab only"),
      match_on: harmless,
    },
    finish: mounted,
    watch: "never",
  },
  "mount.unmounted": {
    to: "mount.unmounted",
    key: ({ name }) => withoutSlash(name),
    params: unmounted,
    finish: (made, use) =>
      use.args.get("persist")?.value === true ? { ...made, state: "mount.absent" } : made,
  },
  "lvm.vg_present": {
    to: "lvm.vg",
    params: { devices: (arg) => ({ devices: texts(arg, "devices").flatMap((one) => one.split(",")) }) },
  },
  "lvm.lv_present": {
    to: "lvm.lv",
    key: ({ name, args, at }) => {
      const group = args.get("vgname");
      if (!group) throw new Refusal("there is no `vgname`", "Say in which group it is.", at);
      return `${text(group, "vgname")}/${name}`;
    },
    params: {
      vgname: harmless,
      size: (arg) => ({ size: sizeOf(arg) }),
      extents: (arg) => {
        const extents = text(arg, "extents");
        if (extents !== "100%FREE")
          throw new Refusal("`extents` other than 100%FREE", "Say a `size`.", arg.at);
        return { size: extents };
      },
    },
    finish: (made, use) => {
      use.differs("a volume that is smaller grows; none shrinks", "Nothing, if that is meant.");
      return made;
    },
  },
};
