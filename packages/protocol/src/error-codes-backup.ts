/** What can go wrong when a master is backed up or put back. */
import { failed, type Row, usage } from "./error-row.ts";

export const backupCodes = {
  "backup/damaged": usage(
    "A backup is not whole, or is none: a part is missing, cut short, or not what its digest says.",
    "Nothing was put back. Take another copy of that backup, or an earlier one.",
  ),
  "backup/other": usage(
    "A backup does not belong to the master or to the moment that it was to be put back for.",
    "The message says what differs; nothing was put back.",
  ),
  "backup/streams-there": usage(
    "A bus that streams were to be put back into has boma's streams already.",
    "Two masters cannot share them: name a bus that has none, or delete those that the message names.",
  ),
  "backup/stream": failed(
    "The bus gave out a stream only in part, or did not take one back.",
    "The message is the server's own. Run the same command again when its cause is gone.",
  ),
  "backup/unfinished": usage(
    "A restore into this home was begun and not finished; what is there is not a whole master.",
    "Run the same `boma-master restore` again: it begins anew.",
  ),
} as const satisfies Record<string, Row>;
