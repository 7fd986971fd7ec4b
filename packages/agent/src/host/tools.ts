import type { Commands, Files } from "@boma/states/core";

import type { CallSession } from "./hosts.ts";

/** What the real ports are made with. */
export interface Tools {
  readonly session: CallSession;
  readonly commands: Commands;
  readonly files: Files;
}
