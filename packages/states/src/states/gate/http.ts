import { z } from "zod";

import { defineGate, notReady, ready } from "./define-gate.ts";
import { isSilent } from "./probes.ts";

export default defineGate({
  name: "gate.http",
  summary: "Waits until an address answers as it should.",
  key: "url",
  params: z.strictObject({
    url: z.url({ protocol: /^https?$/ }).describe("What is asked for with GET."),
    status: z
      .array(z.int().min(100).max(599))
      .min(1)
      .default([200])
      .describe("The answers that mean that it is ready."),
    ca: z.string().optional().describe("Certificates in PEM that may sign the server's."),
  }),
  async probe({ url, status, ca }, { http }) {
    const answer = await http.get({ url, ca });
    if (isSilent(answer))
      return notReady(answer.unreachable === "tls" ? "misconfigured" : "down", answer.why);
    const said = `it answers ${answer.status}`;
    return status.includes(answer.status) ? ready(said) : notReady("starting", said);
  },
  examples: [
    {
      title: "a web server that must answer before what comes next",
      key: "http://127.0.0.1:8080/health",
      given: { http: { "GET http://127.0.0.1:8080/health": { body: "fine" } } },
    },
  ],
});
