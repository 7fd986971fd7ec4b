/** Files that come back where a unit does not come up with the new ones. */
import { BomaError } from "@boma/protocol";
import { z } from "zod";

import type { Files } from "../../host/files.ts";
import type { Host } from "../../host/host.ts";
import { Path } from "../file/parameters.ts";
import { settledOf, stateOf } from "./unit.ts";

export const TakesBack = z
  .array(
    z.strictObject({
      file: Path,
      /** Where it is kept as it was when the unit last came up. Empty: there was none. */
      before: Path,
    }),
  )
  .max(10)
  .default([])
  .describe(
    "Files that come back, each from where it is kept, if the unit does not come up with the new ones.",
  );
type TakesBack = z.output<typeof TakesBack>;

interface Unit {
  readonly unit: string;
  readonly takesBack: TakesBack;
}

const SETTLED_MS = 1000;

/** Starts it in the way given; where it does not come up, again with the files of before, and that is told. */
export async function orTakeBack(
  { files, services }: Host,
  { unit, takesBack }: Unit,
  start: () => Promise<void>,
): Promise<void> {
  try {
    await start();
  } catch (thrown) {
    if (!(thrown instanceof BomaError)) throw thrown;
    const back = await bringBack(files, takesBack);
    if (back.length === 0) throw thrown;
    await services.resetFailed(unit);
    await services.restart(unit).catch(() => undefined);
    const now = stateOf(await settledOf(services, unit, SETTLED_MS));
    const message = `${thrown.message}\n${back.join(", ")} came back as before; with that ${unit} is ${now}`;
    throw new BomaError(thrown.code, message, { cause: thrown });
  }
  for (const { before } of takesBack) if (await files.stat(before)) await files.remove(before);
}

async function bringBack(files: Files, takesBack: TakesBack): Promise<readonly string[]> {
  const back: string[] = [];
  for (const { file, before } of takesBack) {
    if (!(await files.stat(before))) continue;
    const text = await files.readText(before);
    if (text !== "") await files.write(file, text);
    else if (await files.stat(file)) await files.remove(file);
    await files.remove(before);
    back.push(file);
  }
  return back;
}
