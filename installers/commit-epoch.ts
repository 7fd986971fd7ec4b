/** When what is built was written: the time of the commit, so that the clock of the build leaves no trace. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";

import { ROOT } from "./root.ts";

const run = promisify(execFile);

export async function commitEpoch(env: NodeJS.ProcessEnv = process.env): Promise<number> {
  const given = env["SOURCE_DATE_EPOCH"];
  const text =
    given ??
    (await run("git", ["log", "-1", "--format=%ct"], { cwd: ROOT }).then(
      ({ stdout }) => stdout.trim(),
      () => "",
    ));
  const seconds = Number(text);
  if (text !== "" && Number.isSafeInteger(seconds) && seconds >= 0) return seconds;
  throw new Error(
    given === undefined
      ? "this is no git checkout: set SOURCE_DATE_EPOCH to the time that the files shall have, in seconds"
      : `SOURCE_DATE_EPOCH is ${JSON.stringify(given)}, and not a number of seconds`,
  );
}
