/** How many servers of a cluster keep each stream, as an option says it. */
import { BomaError } from "@boma/protocol";

/** What JetStream takes. */
const REPLICAS = /^[1-5]$/;

export function readReplicas(text: string | undefined, nats: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!REPLICAS.test(text))
    throw new BomaError("usage/argument", `--replicas ${text} is not a number from 1 to 5`);
  if (nats === undefined && text !== "1")
    throw new BomaError("usage/argument", "--replicas needs --nats URLS: one server keeps one copy", {
      hint: "How to get a cluster: docs/guide/external-nats.md.",
    });
  return Number(text);
}
