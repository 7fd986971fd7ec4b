/** A mail. The delivery's id is its Message-ID, by which many mail programs show a repetition once. */
import type { SenderOf } from "@boma/states/core";

import { SendFault, type Sending } from "./send.ts";

/** The server's word on this mail, and not on the connection or the account. */
const ABOUT_THE_MAIL = /^(MAIL FROM|RCPT TO|DATA)/;

export async function sendSmtp({ to, notice, timeoutMs, signal }: Sending<SenderOf<"smtp">>): Promise<void> {
  // Who sends no mail need not load what sends it.
  const { createTransport } = await import("nodemailer");
  const { host, port, tls, from, user, password, ca } = to;
  const transport = createTransport({
    host,
    port: port ?? (tls === "tls" ? 465 : tls === "none" ? 25 : 587),
    secure: tls === "tls",
    requireTLS: tls === "starttls",
    ignoreTLS: tls === "none",
    ...(password !== undefined && { auth: { user: user ?? "", pass: password } }),
    ...(ca !== undefined && { tls: { ca } }),
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  const { id, title, text } = notice;
  const mail = {
    from,
    to: [...to.to],
    subject: title,
    text: `${text}\n`,
    messageId: `<${id}@${from.split("@")[1]}>`,
    headers: {
      "Auto-Submitted": "auto-generated",
      "X-Boma-Delivery": id,
      "X-Boma-Notifier": notice.notifier,
    },
  };
  const late = AbortSignal.timeout(timeoutMs);
  const over = AbortSignal.any([signal, late]);
  const ended = new Promise<never>((_, reject) => {
    over.addEventListener("abort", () => reject(new SendFault(`no end within ${timeoutMs} ms`)), {
      once: true,
    });
  });
  try {
    const { rejected } = await Promise.race([transport.sendMail(mail), ended]);
    if (rejected.length > 0)
      throw new SendFault(`the mail server refused ${rejected.length} of ${to.to.length} recipients`, {
        // The others have it already.
        isFinal: true,
      });
  } catch (thrown) {
    throw thrown instanceof SendFault ? thrown : faultOf(thrown);
  } finally {
    transport.close();
  }
}

/** The library's own words are left out: they quote the server's. */
function faultOf(thrown: unknown): SendFault {
  const { code, responseCode, command } = thrown as {
    readonly code?: string;
    readonly responseCode?: number;
    readonly command?: string;
  };
  const said = responseCode === undefined ? "" : `, the server answered ${responseCode}`;
  const at = command === undefined || !/^[A-Z ]{1,20}$/.test(command) ? "" : ` to ${command}`;
  return new SendFault(`the mail was not taken: ${code ?? "unknown fault"}${said}${at}`, {
    isFinal: (responseCode ?? 0) >= 500 && ABOUT_THE_MAIL.test(command ?? ""),
  });
}
