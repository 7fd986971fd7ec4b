// Goal: a credential does what its role says and nothing else, whatever its holder sends.
// Method: a plain NATS client with a real credential tries the rest; the positive cases show that the
// probes themselves work. Nothing of boma's own agent is between the attacker and the server.
import { setTimeout as delay } from "node:timers/promises";

import {
  INBOX_MESSAGES_PER_NODE_MAX,
  Mailbox,
  newNkey,
  newSigningKey,
  open,
  sameBytes,
  seal,
  subjects,
} from "@boma/protocol";
import { AckPolicy, jetstream, jetstreamManager } from "@nats-io/jetstream";
import { encodeUser } from "@nats-io/jwt";
import { headers, type NatsConnection } from "nats";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { siteAccount } from "../../packages/master/src/bus/trust.ts";
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

const withHeader = (name: string, value: string) => {
  const made = headers();
  made.set(name, value);
  return made;
};

describe.for(serverPrograms.map((program) => [nameOf(program), program] as const))("%s", ([, program]) => {
  let bus: TestBus;
  let control: NatsConnection;
  let agent: TestUser;
  let victim: TestUser;

  beforeAll(async () => {
    bus = await startTestBus({ program });
    control = await bus.ctrl();
    agent = await bus.agent();
    victim = await bus.agent();
  });
  afterAll(() => bus?.[Symbol.asyncDispose]());

  describe("an agent's credential", () => {
    test("allows what an agent needs: its mailbox, questions, inbox, requests and chunks", async () => {
      const heard: string[] = [];
      for (const subject of [subjects.mail(agent.key), subjects.ask(agent.key), "boma.bc"])
        agent.connection.subscribe(subject, { callback: (_, message) => void heard.push(message.string()) });
      await agent.connection.flush();
      await jetstream(control).publish(subjects.mail(agent.key), "mail");
      control.publish(subjects.ask(agent.key), "ask");
      control.publish("boma.bc", "broadcast");
      await expect.poll(() => heard.length).toBe(3);
      expect(heard.sort()).toEqual(["ask", "broadcast", "mail"]);

      const mail = await agent.connection.request(subjects.readMail(agent.key));
      expect(mail.string()).toBe("mail");
      await jetstream(control).publish(`boma.chunk.${agent.key}.abc.0`, "chunk");
      const chunk = await agent.connection.request(subjects.readChunk(agent.key, "abc", 0));
      expect(chunk.string()).toBe("chunk");

      for (const kind of ["return", "progress", "grains", "event"] as const)
        expect((await jetstream(agent.connection).publish(subjects.inbox(agent.key, kind))).stream).toBe(
          "INBOX",
        );

      control.subscribe("boma.rpc.*.hello", { callback: (_, message) => void message.respond("hello") });
      await control.flush();
      const hello = await agent.connection.request(subjects.rpc(agent.key, "hello"));
      expect(hello.string()).toBe("hello");
    });

    test("reads nobody else's subjects, by name or by wildcard, alone or in a queue group", async () => {
      const other = victim.key;
      const wanted = [
        subjects.mail(other),
        subjects.ask(other),
        subjects.inbox(agent.key, "return"),
        subjects.inbox(other, "return"),
        `boma.rpc.${other}.hello`,
        `boma.rpc.${agent.key}.hello`,
        `_INBOX.${other}.>`,
        `_INBOX.${other}.1`,
        "_INBOX.>",
        "_INBOX.*.>",
        "_INBOX.*",
        ">",
        "*",
        "*.>",
        "*.*",
        "*.*.*",
        "boma.>",
        "boma.*",
        "boma.*.*",
        `boma.*.${agent.key}`,
        "boma.mail.*",
        "boma.mail.>",
        "boma.ask.*",
        "boma.in.>",
        "boma.enrol.*",
        subjects.enrol(agent.key),
        "boma.api.>",
        "boma.feed.>",
        subjects.feed(agent.key, "1"),
        "boma.evt.>",
        "boma.jobs.>",
        "boma.rec.>",
        "boma.chunk.>",
        `boma.chunk.${agent.key}.abc.0`,
        "ctl.>",
        subjects.readMail(agent.key),
        "$JS.>",
        "$JS.EVENT.>",
        "$JS.API.>",
        "$KV.>",
        "$O.>",
        "$SYS.>",
        "$SYS.ACCOUNT.*.CONNECT",
        "$G.>",
      ];
      const allowed: string[] = [];
      for (const subject of wanted) {
        if (await maySubscribe(agent, subject)) allowed.push(subject);
        if (await maySubscribe(agent, subject, "masters")) allowed.push(`${subject} in a queue group`);
      }
      expect(allowed).toEqual([]);
      expect(await maySubscribe(agent, subjects.mail(agent.key))).toBe(true);
    });

    test("publishes on nobody else's subjects, and reaches no API of the server", async () => {
      const self = agent.key;
      const other = victim.key;
      const wanted = [
        subjects.mail(self),
        subjects.mail(other),
        subjects.ask(other),
        "boma.bc",
        subjects.inbox(other, "return"),
        `boma.in.${self}.other`,
        `boma.in.${self}.*`,
        `boma.in.${self}.>`,
        `boma.in.${self}`,
        `boma.in.${self}.return.x`,
        "boma.in.*.return",
        "boma.in.>",
        `boma.rpc.${other}.hello`,
        `boma.rpc.*.hello`,
        `boma.rpc.${self}`,
        `boma.rpc.${self}.hello.x`,
        subjects.readMail(other),
        "ctl.mail.*",
        "ctl.mail.>",
        subjects.readChunk(other, "abc", 0),
        "ctl.chunk.*.*.*",
        `ctl.chunk.*.abc.0`,
        "ctl.chunk.>",
        subjects.enrol(self),
        subjects.enrol(other),
        subjects.api(self, "run"),
        subjects.feed(self, "1"),
        "boma.evt.-.-.x",
        "boma.jobs.j.spec",
        `boma.jobs.j.result.${self}`,
        "boma.rec.nodes.x",
        `boma.chunk.${self}.abc.0`,
        `_INBOX.${other}.1`,
        ">",
        "boma.>",
        "$JS.API.INFO",
        "$JS.API.STREAM.NAMES",
        "$JS.API.STREAM.LIST",
        "$JS.API.STREAM.INFO.MAILBOX",
        "$JS.API.STREAM.CREATE.X",
        "$JS.API.STREAM.PURGE.INBOX",
        "$JS.API.STREAM.DELETE.RECORDS",
        "$JS.API.STREAM.MSG.GET.MAILBOX",
        `$JS.API.DIRECT.GET.MAILBOX.${subjects.mail(self)}`,
        `$JS.API.DIRECT.GET.MAILBOX.${subjects.mail(other)}`,
        "$JS.API.DIRECT.GET.MAILBOX",
        "$JS.API.CONSUMER.CREATE.MAILBOX",
        `$JS.API.CONSUMER.CREATE.MAILBOX.x.${subjects.mail(self)}`,
        "$JS.API.CONSUMER.DURABLE.CREATE.INBOX.x",
        "$JS.API.CONSUMER.MSG.NEXT.INBOX.x",
        "$JS.ACK.INBOX.x.1.1.1.1.1",
        "$JS.FC.x",
        "$KV.x.y",
        "$O.x.C.y",
        "$SYS.REQ.SERVER.PING",
        "$SYS.REQ.SERVER.PING.CONNZ",
        "$SYS.REQ.CLAIMS.UPDATE",
        "$SYS.REQ.CLAIMS.LIST",
        "$SYS.REQ.USER.INFO",
        `$SYS.REQ.ACCOUNT.${siteAccount(bus.trust).account.publicKey}.CONNZ`,
        `$SYS.ACCOUNT.${siteAccount(bus.trust).account.publicKey}.CONNECT`,
        "$G.x",
      ];
      const before = await sequences(control);
      const allowed: string[] = [];
      for (const subject of wanted) if (await mayPublish(agent, subject)) allowed.push(subject);
      expect(allowed).toEqual([]);
      expect(await sequences(control)).toEqual(before);
      expect(await mayPublish(agent, subjects.inbox(self, "event"))).toBe(true);
      // The server stores it after it has answered; the next test counts what is stored.
      const stored = async () => (await sequences(control))["INBOX"];
      await expect.poll(stored).toBe(before["INBOX"]! + 1);
    });

    test("makes no consumer that would deliver to a subject of its choice", async () => {
      const request = JSON.stringify({
        stream_name: "MAILBOX",
        config: {
          name: "x",
          ack_policy: "none",
          deliver_policy: "all",
          filter_subject: subjects.mail(agent.key),
          deliver_subject: "boma.rec.nodes.pwned",
        },
      });
      const before = await sequences(control);
      const subject = `$JS.API.CONSUMER.CREATE.MAILBOX.x.${subjects.mail(agent.key)}`;
      await expect(agent.connection.request(subject, request, { timeout: 300 })).rejects.toThrow(
        /permissions violation|timeout/i,
      );
      const { consumers } = await jetstreamManager(control, { checkAPI: false });
      expect(await Array.fromAsync(consumers.list("MAILBOX"))).toEqual([]);
      expect(await sequences(control)).toEqual(before);
    });

    test("a reply subject of its choice reaches no stream, and brings the victim nothing that verifies", async () => {
      const masterKey = newSigningKey();
      const mine = seal(Mailbox, { number: 1, jobs: [], cancelled: [] }, { to: agent.key, key: masterKey });
      await jetstream(control).publish(subjects.mail(agent.key), mine);
      const received: Uint8Array[] = [];
      for (const subject of [subjects.mail(victim.key), subjects.ask(victim.key), "boma.bc"])
        victim.connection.subscribe(subject, { callback: (_, message) => void received.push(message.data) });
      await victim.connection.flush();
      const before = await sequences(control);

      const replies = [
        subjects.mail(victim.key),
        subjects.ask(victim.key),
        "boma.bc",
        subjects.inbox(victim.key, "return"),
        subjects.readMail(victim.key),
        "boma.chunk.x.abc.0",
        "boma.jobs.j.spec",
        "boma.evt.-.-.x",
        "boma.rec.nodes.x",
        "boma.rpc.x.hello",
        subjects.enrol(victim.key),
        subjects.api(victim.key, "run"),
        subjects.feed(victim.key, "1"),
        "$JS.API.STREAM.PURGE.MAILBOX",
        "$JS.API.STREAM.DELETE.CHUNKS",
      ];
      const asked = [
        subjects.readMail(agent.key),
        subjects.readChunk(agent.key, "abc", 0),
        subjects.rpc(agent.key, "hello"),
      ];
      for (const reply of replies)
        for (const subject of asked) agent.connection.publish(subject, "", { reply });
      let stored = 0;
      for (const reply of replies) {
        agent.connection.publish(subjects.inbox(agent.key, "return"), "junk", { reply });
        stored++;
      }
      // The same path, answered: all that came before has been carried out.
      expect((await agent.connection.request(subjects.readMail(agent.key))).data).toEqual(mine);
      await jetstream(agent.connection).publish(subjects.inbox(agent.key, "return"), "last");
      stored++;
      await delay(SETTLE_MS);

      // Its own inbox holds what it sent itself, and no stream holds anything else.
      expect(await sequences(control)).toEqual({ ...before, INBOX: before["INBOX"]! + stored });
      const verified = received.filter((data) => {
        try {
          open(Mailbox, data, {
            trusts: (sender) => sameBytes(sender, masterKey.publicKey),
            to: victim.key,
            now: Date.now(),
          });
          return true;
        } catch {
          return false;
        }
      });
      expect(verified).toEqual([]);
    });

    test("the same trick from within CTRL would land in the registry, which is why agents are not there", async () => {
      const inside = newNkey.user();
      const { account, signer } = bus.trust.control;
      const rights = { pub: { allow: [subjects.inbox(inside.publicKey, "return")] }, sub: { deny: [">"] } };
      const jwt = await encodeUser("x", inside.pair, account.publicKey, rights, { signer: signer.pair });
      const user = await bus.connectAs(inside, jwt);
      const before = await sequences(control);
      const reply = "boma.rec.nodes.x";
      expect(await mayPublish(user, reply)).toBe(false);
      expect(await mayPublish(user, subjects.inbox(user.key, "return"), reply)).toBe(true);
      await expect.poll(() => sequences(control)).toMatchObject({ RECORDS: before["RECORDS"]! + 1 });
    });

    test("a roll-up header on its own subject is refused and deletes nothing", async () => {
      await jetstream(victim.connection).publish(subjects.inbox(victim.key, "return"), "kept");
      const before = await sequences(control);
      for (const value of ["all", "sub"])
        await expect(
          jetstream(agent.connection).publish(subjects.inbox(agent.key, "return"), "x", {
            headers: withHeader("Nats-Rollup", value),
          }),
        ).rejects.toThrow(/rollup not permitted/);
      expect(await sequences(control)).toEqual(before);
    });

    test("a message id is shared by all nodes, so a guessed one swallows and a random one does not", async () => {
      const publish = (user: TestUser, msgID: string) =>
        jetstream(user.connection).publish(subjects.inbox(user.key, "return"), "x", { msgID });
      await publish(agent, "guessed");
      // This is why a sender's ids must be random: the server compares them across all nodes.
      expect((await publish(victim, "guessed")).duplicate).toBe(true);
      const random = crypto.randomUUID();
      for (let i = 0; i < 50; i++) await publish(agent, crypto.randomUUID());
      expect((await publish(victim, random)).duplicate).toBe(false);
      expect((await publish(victim, random)).duplicate).toBe(true);
    });

    test("a node that fills its share of the inbox is refused, others are not, until a master takes", async () => {
      const noisy = await bus.agent();
      const publish = (user: TestUser) =>
        jetstream(user.connection).publish(subjects.inbox(user.key, "progress"), "x");
      await Promise.all(Array.from({ length: INBOX_MESSAGES_PER_NODE_MAX }, () => publish(noisy)));
      await expect(publish(noisy)).rejects.toThrow(/maximum messages per subject exceeded/);
      expect((await publish(victim)).stream).toBe("INBOX");
      // Its other kinds have shares of their own.
      await jetstream(noisy.connection).publish(subjects.inbox(noisy.key, "return"), "x");

      const streams = await jetstreamManager(control, { checkAPI: false });
      await streams.consumers.add("INBOX", { durable_name: "masters", ack_policy: AckPolicy.Explicit });
      const consumer = await jetstream(control).consumers.get("INBOX", "masters");
      let taken = 0;
      for await (const message of await consumer.fetch({ max_messages: 10_000, expires: 1_000 })) {
        if (message.subject === subjects.inbox(noisy.key, "progress")) taken++;
        await message.ackAck();
        if (message.info.pending === 0) break;
      }
      expect(taken).toBe(INBOX_MESSAGES_PER_NODE_MAX);
      expect((await publish(noisy)).stream).toBe("INBOX");
      await streams.consumers.delete("INBOX", "masters");
    });

    test("a seventeenth subscription is refused", async () => {
      const user = await bus.agent();
      for (let i = 0; i < 16; i++) user.connection.subscribe(`_INBOX.${user.key}.${i}`);
      await user.connection.flush();
      expect(user.complaints).toEqual([]);
      user.connection.subscribe(`_INBOX.${user.key}.17`);
      await Promise.race([user.connection.flush().catch(() => undefined), user.connection.closed()]);
      await expect.poll(() => user.complaints.join()).toMatch(/maximum subscriptions exceeded/i);
    });
  });
});
