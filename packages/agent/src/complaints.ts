/** Messages that this node refused. Each is reported, but a flood of them becomes one report a second with a count. */
import type { BomaError, NodeEventBody } from "@boma/protocol";

const REPORT_MS = 1_000;
const MESSAGE_LENGTH_MAX = 1000;

export function complaints(
  report: (body: NodeEventBody) => void,
  steady: () => number,
): (error: BomaError, subject: string) => void {
  let last = Number.NEGATIVE_INFINITY;
  let unreported = 0;
  return (error, subject) => {
    const now = steady();
    if (now - last < REPORT_MS) {
      unreported++;
      return;
    }
    last = now;
    const data = {
      code: error.code,
      subject,
      message: error.message.slice(0, MESSAGE_LENGTH_MAX),
      unreported,
    };
    unreported = 0;
    report({ kind: "node.message-refused", data });
  };
}
