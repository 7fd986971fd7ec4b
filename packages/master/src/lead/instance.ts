/** What this home is called among those of all masters: a name that no other one has. */
import { existsSync, readFileSync } from "node:fs";

import { newSession } from "@boma/protocol";

import { type Home, writeSecret } from "../home.ts";

export function instanceOf({ instance }: Pick<Home, "instance">): string {
  if (!existsSync(instance)) writeSecret(instance, `${newSession()}\n`);
  return readFileSync(instance, "utf8").trim();
}
