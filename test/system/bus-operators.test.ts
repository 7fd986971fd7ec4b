// Goal: an operator's command line talks to the master and hears its own feeds, and nothing else.
// Method: a plain NATS client with a real operator credential tries the rest.
import { setTimeout as delay } from "node:timers/promises";

import { subjects } from "@boma/protocol";
import type { NatsConnection } from "nats";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import {
  mayPublish,
  maySubscribe,
  nameOf,
  sequences,
  serverPrograms,
  SETTLE_MS,
  startTestBus,
  type TestBus,
  type TestUser,
} from "../support/nats.ts";

describe.for(serverPrograms.map((program) => [nameOf(program), program] as const))("%s", ([, program]) => {
  let bus: TestBus;
  let control: NatsConnection;
  let victim: TestUser;

  beforeAll(async () => {
    bus = await startTestBus({ program });
    control = await bus.ctrl();
    victim = await bus.agent();
  });
  afterAll(() => bus?.[Symbol.asyncDispose]());

  describe("an operator's credential", () => {
    test("allows questions to the master and the feeds that answer them", async () => {
      const operator = await bus.operator();
      control.subscribe("boma.api.*.*", { callback: (_, message) => void message.respond(message.subject) });
      await control.flush();
      const answer = await operator.connection.request(subjects.api(operator.key, "run"));
      expect(answer.string()).toBe(subjects.api(operator.key, "run"));
      const heard: string[] = [];
      operator.connection.subscribe(subjects.feed(operator.key, "*"), {
        callback: (_, message) => void heard.push(message.subject),
      });
      await operator.connection.flush();
      control.publish(subjects.feed(operator.key, "s1"), "x");
      await expect.poll(() => heard).toEqual([subjects.feed(operator.key, "s1")]);
    });

    test("speaks as nobody else, to no node and to no stream", async () => {
      const operator = await bus.operator();
      const other = await bus.operator();
      const before = await sequences(control);
      const allowed: string[] = [];
      for (const subject of [
        subjects.api(other.key, "run"),
        "boma.api.*.run",
        "boma.api.>",
        `boma.api.${operator.key}.run.x`,
        subjects.feed(operator.key, "1"),
        subjects.mail(victim.key),
        subjects.ask(victim.key),
        "boma.bc",
        subjects.inbox(victim.key, "return"),
        subjects.inbox(operator.key, "return"),
        subjects.rpc(operator.key, "hello"),
        subjects.enrol(operator.key),
        subjects.readMail(operator.key),
        subjects.readMail(victim.key),
        `_INBOX.${other.key}.1`,
        "boma.jobs.j.spec",
        "boma.evt.-.-.x",
        "boma.rec.nodes.x",
        "$JS.API.INFO",
        "$JS.API.STREAM.LIST",
        `$JS.API.DIRECT.GET.MAILBOX.${subjects.mail(victim.key)}`,
        "$SYS.REQ.CLAIMS.UPDATE",
        ">",
      ])
        if (await mayPublish(operator, subject)) allowed.push(subject);
      for (const subject of [
        subjects.feed(other.key, "1"),
        subjects.feed(other.key, "*"),
        "boma.feed.>",
        "boma.feed.*.*",
        subjects.api(other.key, "run"),
        subjects.api(operator.key, "run"),
        subjects.mail(victim.key),
        "boma.in.>",
        "boma.evt.>",
        "boma.jobs.>",
        "boma.>",
        ">",
        "_INBOX.>",
        `_INBOX.${other.key}.>`,
        "$SYS.>",
        "$JS.>",
      ])
        if (await maySubscribe(operator, subject)) allowed.push(`subscribe ${subject}`);
      expect(allowed).toEqual([]);

      // Nor with the master's answers as its voice.
      for (const reply of [
        subjects.mail(victim.key),
        "boma.rec.nodes.x",
        "boma.jobs.j.spec",
        "boma.evt.-.-.x",
      ])
        await mayPublish(operator, subjects.api(operator.key, "run"), reply);
      await delay(SETTLE_MS);
      expect(await sequences(control)).toEqual(before);
    });
  });
});
