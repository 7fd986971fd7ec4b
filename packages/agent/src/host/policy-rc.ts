/**
 * Installing a package starts its services, with the configuration that it
 * brings. While /usr/sbin/policy-rc.d says so, none is started.
 */
import { BomaError } from "@boma/protocol";
import type { Files } from "@boma/states/core";

export const POLICY_PATH = "/usr/sbin/policy-rc.d";
const OURS = "#!/bin/sh\n# Made by boma for the time of one installation.\nexit 101\n";

/** Does the work while no service is started; a policy of somebody else is never replaced. */
export async function withoutStarting<T>(files: Files, work: () => Promise<T>): Promise<T> {
  await dropOwn(files);
  if (await files.stat(POLICY_PATH))
    throw new BomaError(
      "package/blocked",
      `${POLICY_PATH} is there and not boma's, so it cannot be said that services stay down`,
      { hint: "Remove it where nobody needs it, or let services start." },
    );
  await files.write(POLICY_PATH, OURS, { owner: "root", group: "root", mode: "0755" });
  try {
    return await work();
  } finally {
    await dropOwn(files);
  }
}

/** One of ours is there only when an agent was killed in the middle. */
export async function dropOwn(files: Files): Promise<void> {
  const found = await files.stat(POLICY_PATH);
  if (found?.type === "file" && found.bytes === OURS.length && (await files.readText(POLICY_PATH)) === OURS)
    await files.remove(POLICY_PATH);
}
