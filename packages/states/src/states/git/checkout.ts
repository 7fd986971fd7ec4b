import { BomaError } from "@boma/protocol";
import { z } from "zod";

import { diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import { makeAbove, ownersOf, statAs } from "../file/ownership.ts";
import { aboveOf, CreateDirs, Owner, Path } from "../file/parameters.ts";
import { type Git, gitIn, type Repository } from "./git.ts";

const SHA = /^[0-9a-f]{40}$/;
/** No option, and nothing that git would take as more than a name. */
const REVISION = /^(?!-)(?!.*\.\.)(?!.*@\{)[A-Za-z0-9._/+-]{1,200}$/;
const REMOTE = /^(https?:\/\/|ssh:\/\/|git:\/\/|[A-Za-z0-9_.-]+@[A-Za-z0-9.-]+:|\/)[^\s\0]+$/;

const params = z.strictObject({
  path: Path,
  remote: z
    .string()
    .max(2000)
    .regex(REMOTE, "https://…, ssh://…, user@host:path or a path of the node")
    .refine((url) => !/^\w+:\/\/[^/@]*:[^/@]*@/.test(url) && !/^https?:\/\/[^/]*@/.test(url), {
      message: "no password and no token stands in the URL: use `sshKey`, or a public repository",
    })
    .describe("The repository that it comes from."),
  revision: z
    .string()
    .regex(REVISION, "a branch, a tag or a whole commit id")
    .describe("A branch, a tag, or best a whole commit id, which is looked for only once."),
  owner: Owner.default("root").describe("The user it belongs to, as whom git runs."),
  force: z
    .boolean()
    .default(false)
    .describe("Throw away changes to tracked files, and commits that the remote does not have."),
  sshKey: Path.optional().describe("The private key to use; only the owner may be able to read it."),
  knownHosts: z
    .array(z.string().regex(/^[^\n\0]+$/, "one line"))
    .max(50)
    .default([])
    .describe("The lines of known_hosts that are trusted, and no others. A repository by ssh needs them."),
  createDirs: CreateDirs,
});
type Want = z.output<typeof params>;

export default defineState({
  name: "git.checkout",
  summary: "A directory with a revision of a git repository.",
  key: "path",
  params,
  timeoutMs: 30 * 60_000,
  claims: ({ path }) => [`file:${path}`],
  after: ({ path, owner, sshKey }) => [
    ...aboveOf(path),
    ...ownersOf({ owner }),
    ...(sshKey === undefined ? [] : [`file:${sshKey}`]),
    "pkg:git",
  ],

  async check(want, { files, commands }) {
    const now = await statAs(files, want.path, "directory");
    const git = gitIn(want, (command) => commands.read(command));
    const empty = !now || (await files.list(want.path)).length === 0;
    if (!empty && !(await files.stat(`${want.path}/.git`)))
      throw new BomaError(
        "state/refused",
        `${want.path} holds things and is no git repository; it was not touched`,
      );
    const is = empty ? undefined : await standingOf(git, want);
    const commit = await wantedCommit(git, want, is?.commit);
    return diff(is && { remote: is.remote, commit: is.commit, changed: is.changed }, {
      remote: want.remote,
      commit,
      changed: want.force && is ? 0 : undefined,
    });
  },

  async apply({ commit, changed }, want, { files, commands }) {
    const { path, owner, remote, force } = want;
    const git = gitIn(want, (command) => commands.run({ ...command, quiet: true }));
    if (want.createDirs) await makeAbove(files, path);
    if (!(await files.stat(path))) await files.makeDirectory(path, { owner, mode: "0755" });
    await git.must(["init", "--quiet"]);
    if ((await git.ask(["remote", "set-url", "origin", remote])) === undefined)
      await git.must(["remote", "add", "origin", remote]);
    if (!commit && !changed) return;
    const target = commit?.to ?? (await git.must(["rev-parse", "HEAD"]));
    await fetch(git, want, target);
    if (!force) await assertNothingLost(git, want, target);
    await git.must(["checkout", "--quiet", "--detach", ...(force ? ["--force"] : []), target]);
    if (force) await git.must(["reset", "--quiet", "--hard", target]);
  },

  examples: [
    {
      title: "a commit, wherever its branch is by now",
      key: "/srv/app",
      params: {
        remote: "https://example.org/app.git",
        revision: "1f8f6c1e0f0b3f5a9a3c2f7b3f7e3f6d5c4b3a29",
        owner: "app",
      },
      given: {
        files: { "/srv/app/.git/HEAD": "1f8f6c1e0f0b3f5a9a3c2f7b3f7e3f6d5c4b3a29\n" },
        commands: {
          git: { stdout: "1f8f6c1e0f0b3f5a9a3c2f7b3f7e3f6d5c4b3a29\n" },
          "git config --get remote.origin.url": { stdout: "https://example.org/app.git\n" },
          "git status --porcelain --untracked-files=no": { stdout: "" },
        },
      },
    },
  ],
});

interface Standing {
  readonly remote: string;
  readonly commit: string;
  /** Tracked files that are not as they were committed. */
  readonly changed: number;
}

async function standingOf(git: Git, { path, force }: Want): Promise<Standing> {
  const remote = (await git.ask(["config", "--get", "remote.origin.url"])) ?? "";
  const commit = (await git.ask(["rev-parse", "--verify", "--quiet", "HEAD"])) ?? "";
  const status = commit === "" ? "" : await git.must(["status", "--porcelain", "--untracked-files=no"]);
  const changed = status.split("\n").filter((line) => line !== "");
  if (changed.length > 0 && !force)
    throw new BomaError(
      "state/refused",
      `${path} has changes that were never committed: ${changed.slice(0, 10).join(", ")}`,
      { hint: "Commit or take them back there; `force: true` throws them away." },
    );
  return { remote, commit, changed: changed.length };
}

/** A whole commit id that is there already asks nobody; anything else is what the remote says it is now. */
async function wantedCommit(git: Git, { remote, revision }: Want, now: string | undefined): Promise<string> {
  if (SHA.test(revision)) return revision;
  const names = [`refs/heads/${revision}`, `refs/tags/${revision}`, `refs/tags/${revision}^{}`];
  const said = await git.must(["ls-remote", "--", remote, ...names], { anywhere: now === undefined });
  const found = new Map(said.split("\n").map((line) => line.split("\t").toReversed() as [string, string]));
  const commits = [found.get(names[0]!), found.get(names[2]!) ?? found.get(names[1]!)].filter(Boolean);
  if (new Set(commits).size > 1)
    throw new BomaError(
      "state/refused",
      `${remote}: ${revision} is a branch and a tag, with different commits`,
      {
        hint: "Name the commit by its id.",
      },
    );
  if (commits[0] !== undefined) return commits[0];
  throw new BomaError("state/refused", `${remote} has no branch and no tag ${revision}`, {
    hint: "A commit is named by its whole id, of 40 digits.",
  });
}

async function fetch(git: Git, { revision }: Want, target: string): Promise<void> {
  if ((await git.ask(["cat-file", "-e", `${target}^{commit}`])) !== undefined) return;
  if (SHA.test(revision)) {
    // Most servers give a commit by its id; where one does not, it is somewhere on the branches. The reference says
    // later that the remote has it.
    const kept = `+${target}:refs/remotes/origin/boma/${target}`;
    if ((await git.ask(["fetch", "--quiet", "--no-tags", "origin", kept])) !== undefined) return;
  }
  await git.must(["fetch", "--quiet", "--tags", "--force", "origin", "+refs/heads/*:refs/remotes/origin/*"]);
}

/** Commits that only this machine has would be found by nobody any more. */
async function assertNothingLost(git: Git, { path }: Repository, target: string): Promise<void> {
  if ((await git.ask(["rev-parse", "--verify", "--quiet", "HEAD"])) === undefined) return;
  const own = await git.must(["rev-list", "--max-count=10", "HEAD", "--not", "--remotes", "--tags", target]);
  const lost = own.split("\n").filter((line) => line !== "");
  if (lost.length > 0)
    throw new BomaError(
      "state/refused",
      `${path} has commits that its remote does not have: ${lost.map((commit) => commit.slice(0, 12)).join(", ")}`,
      { hint: "Push them, or say `force: true`, which leaves them behind." },
    );
}
