import { z } from "zod";

import { diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import type { FileStat, Ownership, ReadFiles } from "../../host/files.ts";
import { inTheWay, makeAbove, own, ownersOf, ownershipOf, statAs } from "./ownership.ts";
import { aboveOf, CreateDirs, Group, Inside, MaxDelete, Mode, Owner, Path } from "./parameters.ts";
import { assertFew, assertUnprotected } from "./protected.ts";
import { walk } from "./walk.ts";

/** Of what belongs to others, so many are named. */
const NAMED_MAX = 20;

export default defineState({
  name: "file.directory",
  summary: "A directory is there, with this owner and mode.",
  key: "path",
  params: z.strictObject({
    path: Path,
    mode: Mode.optional(),
    owner: Owner.optional(),
    group: Group.optional(),
    createDirs: CreateDirs,
    recurse: z
      .boolean()
      .default(false)
      .describe(
        "All that is in it has the same owner and group: links themselves and not what they point to, and no other file system.",
      ),
    exclusive: z.boolean().default(false).describe("Remove what is in it and not named in `keep`."),
    keep: z.array(Inside).default([]).describe("Names in the directory that stay when it is `exclusive`."),
    maxDelete: MaxDelete,
  }),
  confinable: true,
  together: true,
  claims: ({ path }) => [`file:${path}`],
  after: ({ path, owner, group }) => [...aboveOf(path), ...ownersOf({ owner, group })],

  async check({ path, mode, owner, group, recurse, exclusive, keep, maxDelete }, { files }) {
    if (exclusive) assertUnprotected(path);
    const now = await statAs(files, path, "directory");
    const unmanaged = exclusive && now ? (await files.list(path)).filter((name) => !isKept(name, keep)) : [];
    assertFew(path, unmanaged, maxDelete);
    const others = recurse && now ? await ofOthers(files, path, { owner, group }) : [];
    return diff<{
      present: true;
      mode: string;
      owner: string;
      group: string;
      unmanaged: string[];
      others: string[];
    }>(now && { present: true, ...ownershipOf(now, { owner, group }), unmanaged: [...unmanaged], others }, {
      present: true,
      mode,
      owner,
      group,
      unmanaged: unmanaged.length > 0 ? [] : undefined,
      others: others.length > 0 ? [] : undefined,
    } as never);
  },

  blocked: inTheWay,

  async apply({ present, unmanaged, others, ...owned }, want, { files }) {
    const { path, owner, group, mode } = want;
    if (present) {
      if (want.createDirs) await makeAbove(files, path);
      return files.makeDirectory(path, { owner, group, mode });
    }
    await own(files, path, owned);
    for (const name of unmanaged?.from ?? []) await files.remove(`${path}/${name}`, { recursive: true });
    if (!others) return;
    for await (const { path: inside, stat } of walk(files, path))
      if (!belongs(stat, { owner, group })) await files.chown(inside, { owner, group });
  },

  examples: [
    {
      title: "a directory for an application",
      key: "/srv/app",
      params: { mode: "0750", owner: "app", createDirs: true },
    },
    {
      title: "all that is in it belongs to one user",
      key: "/srv/app",
      params: { owner: "app", group: "app", recurse: true },
      given: { files: { "/srv/app/a": "", "/srv/app/deep/b": "", "/srv/app/link": { link: "/etc/passwd" } } },
    },
    {
      title: "only what is known stays in it",
      key: "/etc/app/conf.d",
      params: { exclusive: true, keep: ["10-ours.conf"], maxDelete: 3 },
      given: { files: { "/etc/app/conf.d/10-ours.conf": "", "/etc/app/conf.d/20-old.conf": "" } },
    },
  ],
});

const isKept = (name: string, keep: readonly string[]): boolean =>
  keep.some((path) => path === name || path.startsWith(`${name}/`));

const belongs = (stat: FileStat, want: Ownership): boolean => {
  const { owner, group } = ownershipOf(stat, want);
  return (want.owner ?? owner) === owner && (want.group ?? group) === group;
};

async function ofOthers(files: ReadFiles, top: string, want: Ownership): Promise<string[]> {
  const others: string[] = [];
  for await (const { path, stat } of walk(files, top)) {
    if (!belongs(stat, want)) others.push(path.slice(top.length + 1));
    if (others.length === NAMED_MAX) break;
  }
  return others;
}
