/** An agent takes up what has changed in its files; and it is known that it did. */
import { BomaError } from "@boma/protocol";

import type { Host, ReadHost } from "../../host/host.ts";
import { isAnswered } from "../../host/http.ts";
import { assertUp } from "../service/unit.ts";
import type { Access } from "./api.ts";
import { UNIT } from "./parameters.ts";

const FAILED = /reload failed|failed reloading|error reloading/i;
const LOG_LINES = 20;
const SETTLED_MS = 1000;

export async function isUp({ services }: ReadHost): Promise<boolean> {
  return (await services.status(UNIT)).active === "active";
}

/** One that does not run reads everything when it starts. */
export async function reload(host: Host, { api, ca, token }: Access): Promise<void> {
  if (!(await isUp(host))) return;
  const answer = await host.http.send({
    method: "PUT",
    url: `${api.replace(/\/$/, "")}/v1/agent/reload`,
    ...(ca !== undefined && { ca }),
    ...(token !== undefined && { headers: { "x-consul-token": token } }),
  });
  if (isAnswered(answer) && answer.status === 200) return;
  if (isAnswered(answer) && answer.status !== 403)
    throw new BomaError(
      "consul/config",
      `the agent did not take up its configuration: ${answer.body.trim()}`,
    );
  await reloadBySignal(host);
}

/** Without a token that may: a signal says nothing of what came of it, but the journal does. */
async function reloadBySignal({ services }: Host): Promise<void> {
  const before = await services.status(UNIT);
  const since = (await services.logs(UNIT, 1)).at(-1)?.atMs ?? 0;
  await services.reload(UNIT);
  await assertUp(services, before, SETTLED_MS);
  const lines = await services.logs(UNIT, LOG_LINES);
  const failed = lines.find(({ atMs, text }) => atMs > since && FAILED.test(text));
  if (failed)
    throw new BomaError("consul/config", `the agent did not take up its configuration: ${failed.text}`);
}
