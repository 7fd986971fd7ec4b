/** A message in a room. Its transaction is the delivery's id: the homeserver takes it once. */
import { isGuarded, type SenderOf } from "@boma/states/core";

import { sendHttp } from "./http.ts";
import { readAddress, SendFault, type Sending } from "./send.ts";

export async function sendMatrix({ to, notice, ...bounds }: Sending<SenderOf<"matrix">>): Promise<void> {
  const { room, token, ca } = to;
  const home = readAddress(to.homeserver);
  if (!isGuarded(home.href))
    throw new SendFault("the token would go in the clear: the address must begin with https://");
  const path = `_matrix/client/v3/rooms/${encodeURIComponent(room)}/send/m.room.message/${notice.id}`;
  await sendHttp({
    ...bounds,
    method: "PUT",
    url: new URL(path, home.href.endsWith("/") ? home : `${home.href}/`),
    headers: { authorization: `Bearer ${token}` },
    // A notice by its type: other programs in the room do not answer it.
    body: JSON.stringify({ msgtype: "m.notice", body: `${notice.title}\n${notice.text}` }),
    ca,
    explain: errorCode,
  });
}

function errorCode(body: string): string | undefined {
  try {
    const { errcode } = JSON.parse(body) as { errcode?: unknown };
    return typeof errcode === "string" && /^M_[A-Z_]{1,40}$/.test(errcode) ? errcode : undefined;
  } catch {
    return undefined;
  }
}
