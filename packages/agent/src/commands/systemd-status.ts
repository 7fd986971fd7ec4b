/** How the agent is, where `systemctl status` shows it; nothing where no systemd asks. */
import { spawn } from "node:child_process";
import { once } from "node:events";

import { escapeLine } from "@boma/protocol";

const LENGTH_MAX = 400;

let newest: string | undefined;
let telling: Promise<void> | undefined;

/** One after the other, for of two programs the second may be the quicker one; what is outdated meanwhile is left away. */
export function tellSystemd(text: string): void {
  if (process.env["NOTIFY_SOCKET"] === undefined) return;
  newest = escapeLine(text).slice(0, LENGTH_MAX);
  telling ??= tellNewest();
}

async function tellNewest(): Promise<void> {
  while (newest !== undefined) {
    const line = newest;
    newest = undefined;
    // Node has no sockets of that kind. What cannot be told is no reason to stop.
    const child = spawn("systemd-notify", [`--status=${line}`], { stdio: "ignore" });
    child.unref();
    await once(child, "close").catch(() => undefined);
  }
  telling = undefined;
}
