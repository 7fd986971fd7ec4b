/** Every kind of receiver that a site can name. */
import type { Sender } from "@boma/states/core";

import { sendMatrix } from "./matrix.ts";
import { sendNtfy } from "./ntfy.ts";
import type { Sending } from "./send.ts";
import { sendSmtp } from "./smtp.ts";
import { sendWebhook } from "./webhook.ts";

export function send(sending: Sending): Promise<void> {
  const { to, ...rest } = sending;
  switch (to.kind) {
    case "webhook":
      return sendWebhook({ to, ...rest });
    case "smtp":
      return sendSmtp({ to, ...rest });
    case "ntfy":
      return sendNtfy({ to, ...rest });
    case "matrix":
      return sendMatrix({ to, ...rest });
  }
}

export const describeSender = (to: Sender): string => {
  switch (to.kind) {
    case "webhook":
      return `webhook ${hostOf(to.url)}`;
    case "smtp":
      return `mail to ${to.to.join(", ")}`;
    case "ntfy":
      return `ntfy ${typeof to.topic === "string" ? to.topic : "(secret)"} at ${hostOf(to.url)}`;
    case "matrix":
      return `matrix ${to.room}`;
  }
};

/** The rest of an address may be the key to it. */
const hostOf = (url: unknown): string =>
  typeof url === "string" && URL.canParse(url) ? new URL(url).host : "(secret)";

export { SendFault, type Sending } from "./send.ts";
