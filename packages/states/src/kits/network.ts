/** The network of a machine, and the gate behind which it is there. */
import type { z } from "zod";

import type { Declaration } from "../declaration.ts";
import interfaces from "../states/network/interfaces.ts";
import online from "../states/network/online.ts";

export interface NetworkKit extends Omit<z.input<(typeof interfaces)["spec"]["params"]>, "name"> {
  /** Names that have to resolve before anything else begins. */
  readonly resolves?: string[];
}

export function networkKit({ resolves = [], ...network }: NetworkKit): readonly Declaration[] {
  const declared = interfaces("node", network);
  return [declared, online("node", { resolves, require: declared })];
}
