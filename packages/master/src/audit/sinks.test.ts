/** Sending on, tried against servers of the test's own: an HTTP server that answers as Loki does, and a UDP socket. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import { SendPosition, sendAll } from "./send.ts";
import { sinkOf } from "./sinks.ts";

const record = (n: number): string =>
  JSON.stringify({ n, at: "2026-11-21T10:00:00.000Z", prev: "0", kind: "request", verb: "a\u2028b" });

async function* records(from: number, to: number): AsyncGenerator<string> {
  for (let n = from; n <= to; n++) yield record(n);
}

describe("an HTTP server that answers as Loki does", () => {
  test("is asked again for what it refused, in order, and the position moves only when it took the records", async () => {
    const got: { stream: object; values: [string, string][] }[] = [];
    let refusals = 1;
    const server = createServer((request, response) => {
      let body = "";
      request.on("data", (data: Buffer) => (body += data.toString()));
      request.on("end", () => {
        if (refusals-- > 0) return response.writeHead(500).end("ingester is not ready");
        got.push(...(JSON.parse(body) as { streams: typeof got }).streams);
        return response.writeHead(204).end();
      });
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const dir = mkdtempSync(join(tmpdir(), "boma-sink-"));
    try {
      const { port } = server.address() as AddressInfo;
      const sink = await sinkOf(`loki+http://127.0.0.1:${port}`);
      const position = new SendPosition(join(dir, "loki.json"));
      const notes: string[] = [];
      const sending = { sink, position, follow: true, note: (text: string) => notes.push(text) };
      expect(await sendAll(records(1, 3), sending)).toBe(3);
      expect(notes).toEqual([expect.stringContaining("ingester is not ready")]);
      expect(got[0]).toMatchObject({ stream: { app: "boma-audit", kind: "request" } });
      expect(got[0]!.values).toEqual(
        [1, 2, 3].map((n) => [`${Date.parse("2026-11-21T10:00:00Z")}00000${n}`, record(n)]),
      );
      expect(new SendPosition(join(dir, "loki.json")).last).toBe(3);
      refusals = 1;
      const single = { ...sending, follow: false };
      await expect(sendAll(records(4, 4), single)).rejects.toMatchObject({ code: "audit/export" });
      expect(new SendPosition(join(dir, "loki.json")).last).toBe(3);
    } finally {
      server.close();
      rmSync(dir, { recursive: true, force: true });
    }
  });
});

describe("a syslog server that hears datagrams", () => {
  test("gets one message a record, whose header nothing in the record can end", async () => {
    const socket = createSocket("udp4").bind(0, "127.0.0.1");
    await once(socket, "listening");
    const sink = await sinkOf(`syslog://127.0.0.1:${socket.address().port}`);
    const heard = once(socket, "message");
    await sink.send([record(7)]);
    const [message] = (await heard) as [Buffer];
    expect(message.toString()).toMatch(
      /^<109>1 2026-11-21T10:00:00\.000Z \S+ boma-audit \d+ request \[boma@32473 n="7"\] \{"n":7,/,
    );
    await sink.close();
    socket.close();
  });
});

describe("a place that cannot be", () => {
  test.each(["ftp://x", "syslog://", "syslog+tcp://a:99999"])(
    "%s is refused with what can be",
    async (to) => {
      await expect(sinkOf(to)).rejects.toMatchObject({ code: "usage/argument" });
    },
  );
});
