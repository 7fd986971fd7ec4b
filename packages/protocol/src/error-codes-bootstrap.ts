/** What can go wrong when a machine is made the first server. */
import { failed, type Row, usage } from "./error-row.ts";

export const bootstrapCodes = {
  "bootstrap/machine": usage(
    "This machine cannot become the first server as it is. Nothing was changed.",
    "Mend what the message names, and run the same command again.",
  ),
  "bootstrap/step": failed(
    "A step of the bootstrap did not lead to what it should.",
    "Mend what the message names, and run the same command again: what is done already is left as it is.",
  ),
} as const satisfies Record<string, Row>;
