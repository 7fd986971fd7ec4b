/** One order for every node there is, signed once. Subject: `boma.bc`; not kept: who does not hear it has it by mailbox. */
import { defineMessage } from "../envelope.ts";
import { ARGUMENTS_BYTES_MAX } from "../limits.ts";
import { JobOrder } from "./mailbox.ts";

const AROUND_ARGUMENTS_BYTES = 4 * 1024;

export const Call = defineMessage({
  kind: "call",
  schema: 1,
  bytesMax: ARGUMENTS_BYTES_MAX + AROUND_ARGUMENTS_BYTES,
  body: JobOrder.omit({ parcel: true }),
});

/** Whom it is for: whoever hears it. */
export const EVERYBODY = "-";
