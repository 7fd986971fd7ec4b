/** Why an agent that runs is alone where its certificates are refused: it is told so by the others, and says it in its journal only. */
import type { ReadServices } from "../../host/services.ts";
import { UNIT } from "./parameters.ts";

const LINES = 200;
/** It tries again and again: what it has not said for so long is mended. */
const RECENT_MS = 60_000;
const SAID_MAX = 300;
/** As the library says it with which Nomad speaks TLS. */
const REFUSED = /x509:|tls: /;

export async function refusalIn(services: ReadServices): Promise<string | undefined> {
  const lines = await services.logs(UNIT, LINES).catch(() => []);
  const line = lines.findLast(({ atMs, text }) => REFUSED.test(text) && Date.now() - atMs < RECENT_MS);
  return line?.text.trim().slice(0, SAID_MAX);
}
