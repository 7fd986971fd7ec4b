// Goal: nobody gets further than a good credential takes him: not with one that he made himself, and not
// with the enrolment kit that every image carries.
// Method: real credentials, forged ones and the kit itself against a real server.
import { setTimeout as delay } from "node:timers/promises";

import { ENROL_BYTES_MAX, newNkey, nkeyFromSeed, subjects } from "@boma/protocol";
import { encodeUser } from "@nats-io/jwt";
import type { NatsConnection } from "nats";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { enrolKit, siteAccount } from "../../packages/master/src/bus/trust.ts";
import {
  mayPublish,
  maySubscribe,
  nameOf,
  serverPrograms,
  SETTLE_MS,
  startTestBus,
  type TestBus,
  type TestUser,
} from "../support/nats.ts";

const refusedToConnect = (connecting: Promise<TestUser>) =>
  expect(connecting).rejects.toThrow(/authorization violation/i);

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

  describe("a forged credential", () => {
    const account = () => siteAccount(bus.trust);

    test("without a signature of the account is refused, whatever rights it claims", async () => {
      const self = newNkey.user();
      const everything = { pub: { allow: [">"] }, sub: { allow: [">"] } };
      for (const issuer of [newNkey.account(), newNkey.account()]) {
        const jwt = await encodeUser("x", self.pair, account().account.publicKey, everything, {
          signer: issuer.pair,
        });
        await refusedToConnect(bus.connectAs(self, jwt));
      }
      // Under an account that it made up itself.
      const own = newNkey.account();
      await refusedToConnect(bus.connectAs(self, await encodeUser("x", self.pair, own.pair, everything)));
    });

    test("for another node's key is refused: the nonce is answered with the wrong key", async () => {
      await refusedToConnect(bus.connectAs(agent.nkey, victim.jwt));
      await refusedToConnect(bus.connectAs(newNkey.user(), victim.jwt));
    });

    test("that needs no answer to the nonce is refused, and so are rights beside the role", async () => {
      const self = newNkey.user();
      const { account: site, signer } = account();
      const issue = (rights: Parameters<typeof encodeUser>[3]) =>
        encodeUser("x", self.pair, site.publicKey, rights, { signer: signer.pair, scopedUser: true });
      // These are signed by the right key: not even a slip of the master's makes such a user.
      await refusedToConnect(bus.connectAs(self, await issue({ bearer_token: true })));
      await refusedToConnect(bus.connectAs(self, await issue({ pub: { allow: [">"] } })));
      await refusedToConnect(bus.connectAs(self, await issue({ subs: -1, payload: -1, data: -1 })));
      const plain = await bus.connectAs(self, await issue({}));
      expect(await mayPublish(plain, subjects.inbox(self.publicKey, "event"))).toBe(true);
    });

    test("an altered one is refused", async () => {
      const [head, body, signature] = agent.jwt.split(".");
      const claims = JSON.parse(Buffer.from(body!, "base64url").toString()) as object;
      const longer = Buffer.from(JSON.stringify({ ...claims, exp: 4_000_000_000 })).toString("base64url");
      await refusedToConnect(bus.connectAs(agent.nkey, [head, longer, signature].join(".")));
    });
  });

  describe("an image's enrolment kit", () => {
    test("allows one question of one's own, and its answer", async () => {
      control.subscribe("boma.enrol.*", { callback: (_, message) => void message.respond(message.subject) });
      await control.flush();
      const stranger = await bus.enrolUser();
      const answer = await stranger.connection.request(subjects.enrol(stranger.key), "let me in");
      expect(answer.string()).toBe(subjects.enrol(stranger.key));
      await stranger.connection.close();
    });

    test("reaches nothing else", async () => {
      const stranger = await bus.enrolUser();
      const other = await bus.enrolUser();
      const allowed: string[] = [];
      for (const subject of [
        subjects.enrol(other.key),
        "boma.enrol.*",
        "boma.enrol.>",
        subjects.inbox(stranger.key, "return"),
        subjects.rpc(stranger.key, "hello"),
        subjects.readMail(stranger.key),
        subjects.api(stranger.key, "run"),
        subjects.mail(victim.key),
        `_INBOX.${other.key}.1`,
        "boma.rec.nodes.x",
        "$JS.API.INFO",
        "$SYS.REQ.CLAIMS.UPDATE",
        ">",
      ])
        if (await mayPublish(stranger, subject)) allowed.push(subject);
      for (const subject of [
        `_INBOX.${other.key}.>`,
        "_INBOX.>",
        "boma.enrol.*",
        subjects.enrol(other.key),
        subjects.enrol(stranger.key),
        subjects.mail(stranger.key),
        subjects.ask(stranger.key),
        "boma.bc",
        ">",
        "$SYS.>",
        "$JS.>",
      ])
        if (await maySubscribe(stranger, subject)) allowed.push(`subscribe ${subject}`);
      expect(allowed).toEqual([]);
      await stranger.connection.close();
      await other.connection.close();
    });

    test("issues no user with other rights, none for another's key and none of another account", async () => {
      const { accountPublicKey, scopedSigningSeed } = enrolKit(bus.trust);
      const signer = nkeyFromSeed(scopedSigningSeed);
      const self = newNkey.user();
      const issue = (account: string, rights: Parameters<typeof encodeUser>[3], key = self) =>
        encodeUser("x", key.pair, account, rights, { signer: signer.pair, scopedUser: true });
      await refusedToConnect(bus.connectAs(self, await issue(accountPublicKey, { bearer_token: true })));
      await refusedToConnect(bus.connectAs(self, await issue(accountPublicKey, { sub: { allow: [">"] } })));
      await refusedToConnect(bus.connectAs(self, await issue(accountPublicKey, {}, victim.nkey)));
      for (const account of [
        siteAccount(bus.trust).account,
        bus.trust.operators.account,
        bus.trust.control.account,
        bus.trust.system,
      ])
        await refusedToConnect(bus.connectAs(self, await issue(account.publicKey, {})));
      // A name that is a wildcard gives no wildcard.
      const star = await bus.connectAs(
        self,
        await encodeUser("*", self.pair, accountPublicKey, {}, { signer: signer.pair, scopedUser: true }),
      );
      expect(await mayPublish(star, subjects.enrol(victim.key))).toBe(false);
      await star.connection.close();
    });

    test("a third subscription is refused", async () => {
      const stranger = await bus.enrolUser();
      for (let i = 0; i < 2; i++) stranger.connection.subscribe(`_INBOX.${stranger.key}.${i}`);
      await stranger.connection.flush();
      expect(stranger.complaints).toEqual([]);
      stranger.connection.subscribe(`_INBOX.${stranger.key}.3`);
      await Promise.race([stranger.connection.flush().catch(() => undefined), stranger.connection.closed()]);
      await expect.poll(() => stranger.complaints.join()).toMatch(/maximum subscriptions exceeded/i);
      await stranger.connection.close();
    });

    test("a message beyond its size ends the connection and reaches nobody", async () => {
      let heard = 0;
      const subscription = control.subscribe("boma.enrol.*", { callback: () => void heard++ });
      await control.flush();
      const stranger = await bus.enrolUser();
      const ended = stranger.connection.closed();
      stranger.connection.publish(subjects.enrol(stranger.key), new Uint8Array(ENROL_BYTES_MAX));
      await stranger.connection.flush();
      await expect.poll(() => heard).toBe(1);
      // The server told the client its bound; an attacker's client does not care.
      (stranger.connection.info as { max_payload: number }).max_payload = 1024 * 1024;
      stranger.connection.publish(subjects.enrol(stranger.key), new Uint8Array(ENROL_BYTES_MAX + 1));
      // The server hangs up while the client still writes, so its words may not arrive.
      await ended;
      await delay(SETTLE_MS);
      expect(heard).toBe(1);
      subscription.unsubscribe();
    });

    test("strangers take 256 connections at most, and agents still connect", async () => {
      const held: TestUser[] = [];
      while (held.length < 256)
        held.push(...(await Promise.all(Array.from({ length: 64 }, () => bus.enrolUser()))));
      // "maximum account active connections exceeded", or a line that is cut before the words arrive.
      await expect(bus.enrolUser()).rejects.toThrow(/connections exceeded|EPIPE|ECONNRESET/i);
      expect((await bus.agent()).connection.isClosed()).toBe(false);
      await Promise.all(held.map(({ connection }) => connection.close()));
      await expect
        .poll(() =>
          bus.enrolUser().then(
            ({ connection }) => connection.isClosed(),
            () => true,
          ),
        )
        .toBe(false);
    });
  });
});
