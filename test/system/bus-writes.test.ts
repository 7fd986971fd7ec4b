// Goal: what a master says in one turn of its loop leaves in one write, and nothing of it is lost by waiting for it.
// Method: the master's own connection to a real server, and its socket watched.
import type { Socket } from "node:net";

import type { NatsConnection } from "nats";
import { expect, test } from "vitest";

import { startTestBus } from "../support/nats.ts";

const MESSAGES = 200;

/** How often the connection has written to its socket. */
const writesOf = (connection: NatsConnection) => {
  const { transport } = (connection as unknown as { protocol: { transport: { socket: Socket } } }).protocol;
  const { socket } = transport;
  const write = socket.write.bind(socket);
  let writes = 0;
  socket.write = ((...args: Parameters<typeof write>) => {
    writes += 1;
    return write(...args);
  }) as typeof write;
  return () => writes;
};

test("answers that are ready one after the other leave together, and all of them arrive", async () => {
  await using bus = await startTestBus();
  const [from, to] = [await bus.ctrl(), await bus.ctrl()];
  const heard: string[] = [];
  const all = Promise.withResolvers<void>();
  to.subscribe("test.*", {
    callback: (_, message) => {
      if (heard.push(message.string()) === MESSAGES) all.resolve();
    },
  });
  await to.flush();
  const writes = writesOf(from);
  const said = Array.from({ length: MESSAGES }, (_, index) => String(index));
  for (const [index, text] of said.entries()) {
    await Promise.resolve();
    from.publish(`test.${index}`, text);
  }
  await all.promise;
  expect(heard).toEqual(said);
  expect(writes()).toBe(1);
});

test("what was said last before the connection is closed arrives as well", async () => {
  await using bus = await startTestBus();
  const [from, to] = [await bus.ctrl(), await bus.ctrl()];
  const heard = Promise.withResolvers<string>();
  to.subscribe("test.last", { callback: (_, message) => heard.resolve(message.string()) });
  await to.flush();
  from.publish("test.last", "the end");
  await from.close();
  expect(await heard.promise).toBe("the end");
});
