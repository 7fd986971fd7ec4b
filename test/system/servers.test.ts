/**
 * The whole way, from the first boot to the end of an identity, on each nats-server
 * that this machine has: Debian's, and a newer one where it is on PATH.
 */
import { describe, expect, test } from "vitest";

import { Fleet } from "../support/fleet.ts";
import { nameOf, serverPrograms } from "../support/nats.ts";

interface Run {
  readonly ok: boolean;
  readonly expected: readonly string[];
  readonly nodes: Readonly<Record<string, { readonly status: string; readonly return?: unknown }>>;
}

describe.each(serverPrograms.map((program) => [nameOf(program), program.path] as const))(
  "%s",
  (_name, program) => {
    test("a machine enrols, answers, is queued for while it is away, and is revoked", async () => {
      await using fleet = await Fleet.start({ program });
      const agent = await fleet.agent("web-01", { env: "dev" });
      const ping = await fleet.json<Run>("run", "env:dev", "test.ping");
      expect(ping.value).toMatchObject({
        ok: true,
        expected: ["web-01"],
        nodes: { "web-01": { status: "ok", return: true } },
      });

      await agent.stop();
      await fleet.event("node.disconnected", ({ id }) => id === "web-01");
      const queued = await fleet.json<Run & { job: string }>("run", "env:dev", "cmd.run", "true");
      expect(queued.code).toBe(5);
      expect(queued.value.nodes["web-01"]?.status).toBe("queued");
      await fleet.restart("web-01");
      // A confined agent refuses to run programs, which is an ending as good as any here.
      const { kind, data } = await fleet.event("job.returned", ({ job }) => job === queued.value.job);
      expect([kind, data["status"]]).toEqual(["job.returned", "refused"]);

      const revoked = await fleet.json<{ connected: boolean; ms: number }>("revoke", "web-01");
      expect(revoked.value.connected).toBe(true);
      const after = await fleet.run("run", "*", "test.ping");
      expect(after.code).toBe(4);
    });
  },
);
