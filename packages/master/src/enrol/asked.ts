/** What a machine asks, and where. */
import type { EnrolAskBody } from "@boma/protocol";

export type Asked = EnrolAskBody & {
  /** It knocked at the server of this site, and belongs there where nobody says otherwise. */
  readonly site?: string;
};
