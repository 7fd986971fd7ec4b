/**
 * Messages that this node refused. One that comes alone is reported at once; of a flood there is one report a second,
 * which shows the last of them and counts the rest.
 */
import type { BomaError, NodeEventBody } from "@boma/protocol";

const REPORT_MS = 1_000;
const MESSAGE_LENGTH_MAX = 1000;

interface Complaint {
  readonly code: string;
  readonly subject: string;
  readonly message: string;
}

export function complaints(
  report: (body: NodeEventBody) => void,
  steady: () => number,
): (error: BomaError, subject: string) => void {
  let last = Number.NEGATIVE_INFINITY;
  let held: Complaint | undefined;
  let unreported = 0;
  const say = (complaint: Complaint): void => {
    last = steady();
    report({ kind: "node.message-refused", data: { ...complaint, unreported } });
    held = undefined;
    unreported = 0;
  };
  return ({ code, message }, subject) => {
    const complaint = { code, subject, message: message.slice(0, MESSAGE_LENGTH_MAX) };
    const waitMs = last + REPORT_MS - steady();
    if (held) unreported++;
    else if (waitMs > 0) setTimeout(() => held && say(held), waitMs).unref();
    else return say(complaint);
    held = complaint;
  };
}
