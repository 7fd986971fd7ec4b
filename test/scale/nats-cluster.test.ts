/**
 * Goal: a living fleet moves from the master's own server to a cluster of three, as docs/guide/external-nats.md says: the
 * home with its keys stays, the streams move, agents follow; and then the cluster outlives any one of its servers.
 * Method: three real nats-servers that the fleet's own authority certifies, the commands as typed, SIGKILL.
 */
import { join } from "node:path";

import { expect, test, vi } from "vitest";

import { Fleet } from "../support/fleet.ts";
import { answers, LivingFleet, POLL } from "../support/living-fleet.ts";
import { NatsCluster } from "../support/nats-cluster.ts";
import type { Failure } from "../support/run.ts";

// They end what hangs; how fast things are is for the bench to say.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

/** Three servers with a certificate that nodes believe, and what `init` prints. */
async function clusterOf(fleet: Fleet): Promise<NatsCluster> {
  const tls = join(fleet.dir, "tls");
  await fleet.ok("init", "--nats-certificate", tls, "--name", "localhost", "--name", "127.0.0.1");
  return NatsCluster.start({
    config: await fleet.ok("init", "--print-nats-config"),
    tls: {
      certificate: join(tls, "server.pem"),
      key: join(tls, "server.key"),
      ca: join(fleet.home, "master/keys/ca.pem"),
    },
  });
}

test("a fleet moves from one server to a cluster of three with TLS, and each server may die after that", async () => {
  await using fleet = await Fleet.start();
  const living = await LivingFleet.begin(fleet);
  const file = join(fleet.dir, "boma.tar");
  await fleet.master.stop();
  await using cluster = await clusterOf(fleet);

  await fleet.ok("backup", "--out", file);
  const moving = ["restore", file, "--streams-only", "--nats", cluster.url, "--replicas", "3"] as const;
  await fleet.ok(...moving);
  // They are there now, and cannot be put there once more.
  expect(await fleet.json<Failure>(...moving)).toMatchObject({
    code: 2,
    value: { error: { code: "backup/streams-there" } },
  });
  await fleet.serve("--nats", cluster.url, "--replicas", "3");
  await fleet.agents.get("web-01")!.stop();
  await fleet.restart("web-01", { noToken: true });
  await living.isWhole();
  const revoked = await fleet.restart("gone", { waitFor: /"msg":"connecting"/ });

  for (const server of [0, 1, 2]) {
    await cluster.kill(server);
    await expect.poll(() => answers(fleet), POLL).toBe(0);
    await cluster.start(server);
    await expect.poll(() => answers(fleet), POLL).toBe(0);
  }
  expect(revoked.lines.filter((line) => line.includes('"msg":"connected"'))).toEqual([]);
  expect((await fleet.run("audit", "verify")).code).toBe(0);
}, 400_000);

test("a master that worked on after its backup is not moved with it", async () => {
  await using fleet = await Fleet.start();
  await fleet.agent("web-01", { env: "dev" });
  const file = join(fleet.dir, "boma.tar");
  await fleet.ok("backup", "--out", file);
  await fleet.ok("assign", "web-01", "env=prod");
  const running = await fleet.json<Failure>(
    "restore",
    file,
    "--streams-only",
    "--nats",
    "nats://127.0.0.1:9",
  );
  expect(running).toMatchObject({ code: 1, value: { error: { code: "home/locked" } } });
  await fleet.master.stop();
  const behind = await fleet.json<Failure>("restore", file, "--streams-only", "--nats", "nats://127.0.0.1:9");
  expect(behind).toMatchObject({ code: 2, value: { error: { code: "backup/other" } } });
  await fleet.serve();
  await expect.poll(() => answers(fleet, "env:prod"), POLL).toBe(0);
});
