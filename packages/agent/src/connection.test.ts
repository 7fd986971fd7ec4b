import { createServer } from "node:net";
import type { AddressInfo } from "node:net";

import { expect, onTestFinished, test } from "vitest";

import { dial } from "./connection.ts";

const INFO = {
  server_id: "S",
  version: "2.9.10",
  proto: 1,
  headers: true,
  max_payload: 1024,
  auth_required: true,
};

/** A server that greets whoever comes, and then says this. */
async function serverThatSays(error: string): Promise<string> {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.write(`INFO ${JSON.stringify(INFO)}\r\n`);
    socket.once("data", () => socket.end(`-ERR '${error}'\r\n`));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test.each([
  ["Authorization Violation", "bus/refused"],
  ["User Authentication Expired", "bus/refused"],
  // A node that took this for a refusal would ask to be let in anew, at the worst moment.
  ["Authentication Timeout", "bus/unreachable"],
])("a server that says %s is told of as %s", async (said, code) => {
  const servers = [await serverThatSays(said)];
  await expect(dial({ servers, reconnect: false, timeout: 5_000 })).rejects.toMatchObject({ code });
});
