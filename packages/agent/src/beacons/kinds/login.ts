import { parseDuration } from "@boma/protocol";

import type { JournalEntry } from "../../sources/journal.ts";
import { defineBeacon } from "../beacon.ts";
import { NO_JOURNAL } from "./words.ts";

/** Names and addresses that are counted at a time: whoever guesses brings ever new ones. */
const COUNTED_MAX = 500;
/** Whether the journal is heard at all. */
const LOOK_MS = 60_000;
const NAME_LENGTH_MAX = 64;

interface Tally {
  times: number[];
}

export const login = defineBeacon({
  kind: "beacon.login",
  start({ user, count, within }, eyes, { every, journal, now }) {
    const withinMs = parseDuration(within);
    const tallies = new Map<string, Tally>();
    if (!journal) {
      eyes.blind(NO_JOURNAL);
      return () => undefined;
    }
    const following = journal.follow((entry) => {
      const failure = parseFailure(entry);
      if (!failure || (user !== "*" && failure.user !== user)) return;
      const tally = tallies.get(failure.user) ?? { times: [] };
      tallies.delete(failure.user);
      tallies.set(failure.user, tally);
      if (tallies.size > COUNTED_MAX) tallies.delete(tallies.keys().next().value!);
      tally.times = [...tally.times.filter((at) => now() - at < withinMs), now()].slice(-count);
      if (tally.times.length < count) return;
      tally.times = [];
      eyes.happened(failure.user, { ...failure, count, windowSeconds: Math.round(withinMs / 1000) });
    });
    const stop = every(
      LOOK_MS,
      async () => eyes.blind(journal.problem),
      () => undefined,
    );
    return () => {
      stop();
      following.stop();
    };
  },
});

export interface LoginFailure {
  readonly user: string;
  readonly from?: string;
}

const SSH =
  /^Failed (?:password|publickey|keyboard-interactive\/pam|none) for (?:invalid user )?(.*) from (\S+) port \d+(?: ssh2)?$/;
const CONSOLE = /^FAILED LOGIN \(\d+\) on '(\S+)'(?: from '(\S+)')? FOR '(.*)', /;

/** A name may contain anything, also what looks like the rest of the line: the last `from` is the program's own. */
export function parseFailure({ _COMM: comm, MESSAGE: text }: JournalEntry): LoginFailure | undefined {
  if (text === undefined || text.length > 1000) return undefined;
  if (comm === "login") {
    const found = CONSOLE.exec(text);
    return found ? failure(found[3]!, found[2] ?? found[1]) : undefined;
  }
  const found = SSH.exec(text);
  // Trying no password at all is how every client asks what there is.
  return found && !text.startsWith("Failed none") ? failure(found[1]!, found[2]) : undefined;
}

const failure = (user: string, from: string | undefined): LoginFailure => ({
  user: user.slice(0, NAME_LENGTH_MAX),
  ...(from !== undefined && { from: from.slice(0, 255) }),
});
