/**
 * Goal: a change that was not confirmed is gone after a power cut, whether or not
 * the agent starts again; and the dead-man of systemd outlives the agent's unit.
 * Method: a real machine whose file stands for a firewall; the power is cut in between.
 */
import { beforeAll, afterAll, expect, test } from "vitest";

import { type Host, startHost } from "../support/host.ts";

let host: Host;
beforeAll(async () => {
  host = await startHost({ name: "risky" });
});
afterAll(() => host?.[Symbol.asyncDispose]());

/** Arms the dead-man as the agent does, makes the change, and leaves without a word. */
const risky = (withinMs: number): string => `
import { writeFile } from "node:fs/promises";
import { confirmation } from "${new URL("../../packages/agent/src/confirm/confirmation.ts", import.meta.url).pathname}";
const program = [process.execPath, "${new URL("../../packages/agent/bin/boma-agent.mjs", import.meta.url).pathname}"];
const ports = { agentDir: "/var/lib/boma/agent", root: "/", program, reach: () => Promise.reject(new Error("cut off")) };
const was = { base64: Buffer.from("old\\n").toString("base64"), mode: "0640", owner: "root", group: "root" };
const undo = { files: [{ path: "/etc/rules", was }], commands: [["/bin/cp", "/etc/rules", "/etc/rules.loaded"]] };
await confirmation(ports).arm("firewall.ruleset(/etc/rules)", undo, ${withinMs});
await writeFile("/etc/rules", "new\\n");
process.exit(0);
`;

async function change(withinMs: number): Promise<void> {
  await host.write("/etc/rules", "old\n");
  await host.must(["rm", "-f", "/etc/rules.loaded"]);
  await host.write("/root/risky.mjs", risky(withinMs));
  await host.must([process.execPath, "/root/risky.mjs"]);
  expect(await host.read("/etc/rules")).toBe("new\n");
}

test("the dead-man takes a change back on time, though the process that made it is gone", async () => {
  await change(1_500);
  await expect.poll(() => host.read("/etc/rules"), { timeout: 30_000 }).toBe("old\n");
  await expect.poll(() => host.exists("/etc/rules.loaded"), { timeout: 10_000 }).toBe(true);
  expect((await host.must(["stat", "-c", "%a", "/etc/rules"])).trim()).toBe("640");
});

test("after a power cut in between it is taken back at boot, before its time and without the agent", async () => {
  await change(3_600_000);
  await host.powerCut();
  await host.boot();
  await expect.poll(() => host.read("/etc/rules"), { timeout: 30_000 }).toBe("old\n");
  expect((await host.must(["ls", "/var/lib/boma/agent/undo"])).trim()).toBe("");
});
