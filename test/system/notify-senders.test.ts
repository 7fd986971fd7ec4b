/** Each kind of receiver gets what its protocol wants: against servers of the test's own, whose answers the test chooses. */
import type { SequencedEvent } from "@boma/protocol";
import { matrix, type Notification, ntfy, type Sender, smtp } from "@boma/states/core";
import { expect, test } from "vitest";

import { noticeOf } from "../../packages/master/src/notify/notice.ts";
import { send, SendFault } from "../../packages/master/src/notify/senders/index.ts";
import type { Opened } from "../../packages/master/src/notify/senders/send.ts";
import { MailServer } from "../support/mail-server.ts";
import { answer, Receiver } from "../support/receiver.ts";

const HOSTILE = "web-01\r\nBcc: everybody@example.org\r\n\r\n\u001b[2J\u202eevil";
const event = {
  uid: "u1",
  sequence: 7,
  kind: "drift.failed",
  at: Date.UTC(2026, 10, 21),
  id: HOSTILE,
  data: { error: HOSTILE },
} as unknown as SequencedEvent;
const SPEC = { name: "ops", title: "{id} {kind}", text: "{data.error} of {notifier}, {{not a place}" };
const ID = "0123456789abcdef0123456789abcdef";

/** Secrets as values, as they are when a notification is sent. */
function deliver(to: Sender, secrets: object = {}): Promise<void> {
  const notice = noticeOf(SPEC as Notification, { id: ID, event });
  const opened = { ...to, ...secrets } as Opened<Sender>;
  return send({ to: opened, notice, timeoutMs: 2000, signal: new AbortController().signal });
}
const faultOf = async (sent: Promise<void>) => {
  const thrown: unknown = await sent.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(SendFault);
  return thrown as SendFault;
};

test("a mail holds what an event says and nothing that it smuggles into the head", async () => {
  await using server = await MailServer.start();
  const to = smtp({
    host: "127.0.0.1",
    port: server.port,
    tls: "none",
    from: "boma@example.org",
    to: ["a@example.org", "b@example.org"],
  });
  await deliver(to);
  const [{ from, to: reached, data }] = server.mails as [(typeof server.mails)[0]];
  expect([from, reached]).toEqual(["boma@example.org", ["a@example.org", "b@example.org"]]);
  const [head = ""] = data.split("\n\n");
  expect(head).toContain(`Message-ID: <${ID}@example.org>`);
  expect(head).toContain("Auto-Submitted: auto-generated");
  expect(head).not.toMatch(/^Bcc:/im);
  expect(head).toMatch(/^Subject: .*web-01/m);
  expect(data).not.toContain("\u001b");
});

test.each([
  ["RCPT", "550 no such user", true, /the server answered 550/],
  ["DATA", "554 spam", true, /the server answered 554/],
  ["RCPT", "451 come back later", false, /the server answered 451/],
  ["MAIL", "421 closing", false, /the server answered 421/],
])("a mail server that answers %s with %s is final: %s", async (verb, said, isFinal, message) => {
  await using server = await MailServer.start();
  server.answers[verb] = `${said} the-servers-own-words`;
  const fault = await faultOf(
    deliver(
      smtp({
        host: "127.0.0.1",
        port: server.port,
        tls: "none",
        from: "boma@example.org",
        to: "a@example.org",
      }),
    ),
  );
  expect(fault).toMatchObject({ isFinal });
  expect(fault.message).toMatch(message);
  expect(fault.message).not.toContain("own-words");
});

test("where STARTTLS is not to be had no mail goes out in the clear", async () => {
  await using server = await MailServer.start();
  await faultOf(
    deliver(smtp({ host: "127.0.0.1", port: server.port, from: "boma@example.org", to: "a@example.org" })),
  );
  expect(server.mails).toEqual([]);
});

test("ntfy gets the topic, a priority by what it means, and the token in a header (against a server of the test's own)", async () => {
  await using receiver = await Receiver.start();
  receiver.behave = answer(200);
  const url = receiver.url.replace("/hook", "/");
  const to = ntfy({ url, topic: "fleet", tags: ["boma"], token: { $secret: "file:/s/t" } });
  await deliver(to, { token: "tk_1" });
  const [{ headers, body, path }] = receiver.received as [(typeof receiver.received)[0]];
  expect(path).toBe("/");
  expect(headers.authorization).toBe("Bearer tk_1");
  expect(JSON.parse(body)).toMatchObject({
    topic: "fleet",
    priority: 4,
    tags: ["warning", "boma"],
    sequence_id: ID,
  });
  expect((JSON.parse(body) as { message: string }).message).toMatch(
    /^web-01\\x0d\\nBcc.* of ops, \{not a place}$/,
  );
});

test("Matrix gets one transaction, whose id is the delivery's, however often it is sent (against a server of the test's own)", async () => {
  await using receiver = await Receiver.start();
  receiver.behave = answer(200, {}, '{"event_id":"$1"}');
  const homeserver = receiver.url.replace("/hook", "");
  const to = matrix({ homeserver, room: "!a:example.org", token: { $secret: "file:/s/t" } });
  await deliver(to, { token: "syt_1" });
  await deliver(to, { token: "syt_1" });
  expect(new Set(receiver.received.map(({ method, path }) => `${method} ${path}`))).toEqual(
    new Set([`PUT /_matrix/client/v3/rooms/!a%3Aexample.org/send/m.room.message/${ID}`]),
  );
  receiver.behave = answer(403, {}, '{"errcode":"M_FORBIDDEN","error":"syt_1 is not allowed"}');
  const fault = await faultOf(deliver(to, { token: "syt_1" }));
  expect(fault.message).toBe("the receiver answered 403 M_FORBIDDEN");
});

test("a receiver that says when to come back is taken at its word, within an hour", async () => {
  await using receiver = await Receiver.start();
  const homeserver = receiver.url.replace("/hook", "");
  const to = matrix({ homeserver, room: "!a:example.org", token: { $secret: "file:/s/t" } });
  for (const [said, meant] of [
    ["7", 7000],
    ["9999999", 3_600_000],
    ["soon", undefined],
  ] as const) {
    receiver.behave = answer(429, { "retry-after": said });
    expect(await faultOf(deliver(to, { token: "t" }))).toMatchObject({ retryAfterMs: meant, isFinal: false });
  }
});
