/** A signed POST; docs/guide/notifications.md has the lines with which a receiver verifies it. */
import { createHmac } from "node:crypto";

import type { SenderOf } from "@boma/states/core";

import { jsonOf } from "../notice.ts";
import { sendHttp } from "./http.ts";
import { readAddress, type Sending } from "./send.ts";

export async function sendWebhook({ to, notice, ...bounds }: Sending<SenderOf<"webhook">>): Promise<void> {
  const { url, secret, ca } = to;
  const body = jsonOf(notice.body);
  await sendHttp({
    ...bounds,
    method: "POST",
    url: readAddress(url),
    headers: {
      "boma-delivery": notice.id,
      "boma-notifier": notice.notifier,
      "boma-event": notice.kind,
      ...(secret !== undefined && { "boma-signature": signature(secret, body, Date.now()) }),
    },
    body,
    ca,
  });
}

/** The time is signed too: what somebody recorded cannot be sent again later. */
function signature(secret: string, body: string, nowMs: number): string {
  const at = Math.floor(nowMs / 1000);
  return `t=${at},v1=${createHmac("sha256", secret).update(`${at}.${body}`).digest("hex")}`;
}
