/**
 * Goal: a master that starts together with its cluster waits for it, instead of ending because nobody leads there yet.
 * Method: three real nats-servers, of which two are frozen, so that what the third is asked has no answer until they go on.
 */
import { jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "nats";
import { expect, test } from "vitest";

import { connectMaster } from "../../packages/master/src/bus/connect.ts";
import { ensureStreams, STREAMS } from "../../packages/master/src/bus/streams.ts";
import { issueMasterUser } from "../../packages/master/src/bus/trust.ts";
import { Fleet } from "../support/fleet.ts";
import { trustOf } from "../support/hostile.ts";
import { NatsCluster } from "../support/nats-cluster.ts";

test("streams are set up as soon as the servers of a cluster answer, however long the first question hung", async () => {
  await using fleet = await Fleet.prepare();
  await using cluster = await NatsCluster.start({ config: await fleet.ok("init", "--print-nats-config") });
  const control = await connectMaster(cluster.urls[0]!, await issueMasterUser(trustOf(fleet)));
  const others = [1, 2];
  for (const at of others) cluster.signal(at, "SIGSTOP");
  const [asked, unanswered] = hearing(control);
  const settingUp = ensureStreams(asked, { replicas: 3 });
  await unanswered;
  for (const at of others) cluster.signal(at, "SIGCONT");
  await settingUp;
  const { streams } = await jetstreamManager(control);
  for (const name of STREAMS) expect((await streams.info(name)).config.num_replicas).toBe(3);
  await control.close();
});

/** The connection, and when the first question on it was given up. */
function hearing(connection: NatsConnection): readonly [NatsConnection, Promise<void>] {
  const { promise, resolve } = Promise.withResolvers<void>();
  const asked = new Proxy(connection, {
    get(target, name) {
      const value = Reflect.get(target, name) as unknown;
      if (typeof value !== "function") return value;
      if (name !== "request") return value.bind(target) as unknown;
      return async (...words: Parameters<NatsConnection["request"]>) => {
        try {
          return await target.request(...words);
        } catch (error) {
          resolve();
          throw error;
        }
      };
    },
  });
  return [asked, promise];
}
