/** git, run as the owner of the repository, who is the only one that it trusts; it can ask nobody anything. */
import { BomaError } from "@boma/protocol";

import type { Command, Exit } from "../../host/commands.ts";

export interface Repository {
  readonly path: string;
  readonly owner: string;
  readonly sshKey?: string | undefined;
  readonly knownHosts: readonly string[];
}

export interface Git {
  /** What it says, without the last newline; `undefined` when it did not end with 0. */
  ask(words: readonly string[]): Promise<string | undefined>;
  must(words: readonly string[], options?: { readonly anywhere?: boolean }): Promise<string>;
}

const GIT_MS = 20 * 60_000;

export function gitIn(repository: Repository, run: (command: Command) => Promise<Exit>): Git {
  const { path, owner } = repository;
  const call = (words: readonly string[], anywhere: boolean): Promise<Exit> =>
    run({
      argv: ["git", ...words],
      cwd: anywhere ? "/" : path,
      user: owner,
      env: environmentOf(repository),
      timeoutMs: GIT_MS,
    });
  return {
    async ask(words) {
      const { exitCode, stdout } = await call(words, false);
      return exitCode === 0 ? stdout.trimEnd() : undefined;
    },
    async must(words, { anywhere = false } = {}) {
      const { exitCode, stdout, stderr } = await call(words, anywhere);
      if (exitCode === 0) return stdout.trimEnd();
      const why =
        exitCode === 127 ? "there is no git on this node" : stderr.trim().split("\n").slice(-10).join("\n");
      throw new BomaError(
        "state/command-failed",
        `git ${words[0]} in ${path} ended with ${exitCode}: ${why}`,
      );
    },
  };
}

/** Only the repository's own settings count; hooks of its own do not run; ssh trusts the pinned hosts alone. */
function environmentOf({ sshKey, knownHosts }: Repository): Record<string, string> {
  const ssh = [
    "ssh",
    ...["BatchMode=yes", "StrictHostKeyChecking=yes", "UpdateHostKeys=no"].map((word) => `-o ${word}`),
    ...["UserKnownHostsFile=/dev/null", "GlobalKnownHostsFile=/dev/null"].map((word) => `-o ${word}`),
    // The lines come out of the environment: there is no file that check would have to write.
    `-o 'KnownHostsCommand=/usr/bin/printenv BOMA_KNOWN_HOSTS'`,
    ...(sshKey === undefined ? [] : ["-o IdentitiesOnly=yes", `-i ${quoted(sshKey)}`]),
  ];
  return {
    LC_ALL: "C",
    GIT_TERMINAL_PROMPT: "0",
    GIT_ASKPASS: "/bin/false",
    SSH_ASKPASS: "/bin/false",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_CONFIG_COUNT: "1",
    GIT_CONFIG_KEY_0: "core.hooksPath",
    GIT_CONFIG_VALUE_0: "/dev/null",
    GIT_SSH_COMMAND: ssh.join(" "),
    BOMA_KNOWN_HOSTS: knownHosts.join("\n"),
  };
}

const quoted = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;
