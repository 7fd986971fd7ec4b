/** A push message. A server of 2.16 or later shows a repetition in the place of the first. */
import { isGuarded, type SenderOf } from "@boma/states/core";

import type { Level } from "../notice.ts";
import { sendHttp } from "./http.ts";
import { readAddress, SendFault, type Sending } from "./send.ts";

const PRIORITY: Readonly<Record<Level, number>> = { info: 3, warning: 4, alert: 5 };
const TAG: Readonly<Record<Level, string>> = {
  info: "information_source",
  warning: "warning",
  alert: "rotating_light",
};
/** What is longer the server would turn into an attached file. */
const MESSAGE_BYTES_MAX = 4096;

export async function sendNtfy({ to, notice, ...bounds }: Sending<SenderOf<"ntfy">>): Promise<void> {
  const { token, topic, tags, ca } = to;
  const url = readAddress(to.url);
  if (token !== undefined && !isGuarded(url.href))
    throw new SendFault("the token would go in the clear: the address must begin with https://");
  const { id, title, text, level } = notice;
  await sendHttp({
    ...bounds,
    method: "POST",
    url,
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    body: JSON.stringify({
      topic,
      title,
      message: cut(text),
      priority: PRIORITY[level],
      tags: [TAG[level], ...tags],
      sequence_id: id,
    }),
    ca,
  });
}

function cut(text: string): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= MESSAGE_BYTES_MAX) return text;
  return `${bytes
    .subarray(0, MESSAGE_BYTES_MAX - 8)
    .toString()
    .replace(/\uFFFD+$/, "")}…`;
}
