/** Where a notification goes: one function a kind of receiver, each gives plain data that the master delivers by. */
import { BomaError } from "@boma/protocol";
import { z } from "zod";

import type { Secret, SecretRef, SecretText } from "../secret.ts";
import { faultText } from "./fault-text.ts";

const SecretRefShape = z.strictObject({ $secret: z.string().max(512) });
const SecretShape: z.ZodType<Secret> = z.union([
  SecretRefShape,
  z.strictObject({ $text: z.array(z.union([z.string().max(4096), SecretRefShape])).max(32) }),
]);
/** What opens a door never stands in the site itself. */
const Key = SecretShape.or(
  z
    .string()
    .refine(() => false, 'is a secret: write secret("file:/etc/boma/secrets/…") instead of its value'),
).transform((given) => given as SecretRef | SecretText);

const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/;
/** Many services take the address itself as the proof, so it may be a secret. */
const Address = z.union([
  SecretShape,
  z.string().max(2048).refine(isWebAddress, "is not an address that begins with https:// or http://"),
]);
const Ca = z
  .string()
  .max(256 * 1024)
  .refine((pem) => pem.includes("-----BEGIN CERTIFICATE-----"), "is not a certificate in PEM");

// oxlint-disable-next-line no-control-regex -- control characters are what is refused.
const LINE = /^[^\u0000-\u001f\u007f]*$/;
const Line = z.string().min(1).max(255).regex(LINE, "is not one line of text");
const Mailbox = z
  .string()
  .max(320)
  // oxlint-disable-next-line no-control-regex -- control characters are what is refused.
  .regex(/^[^\s\u0000-\u001f\u007f<>(),;:"@]+@[A-Za-z0-9.[\]:-]+$/, "is not a mail address");

function isWebAddress(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}

/** A token in the clear would be read by everybody on the way. */
export const isGuarded = (address: string): boolean => {
  const { protocol, hostname } = new URL(address);
  return protocol === "https:" || LOOPBACK.test(hostname);
};
const guarded = (address: unknown, key: unknown): boolean =>
  key === undefined || typeof address !== "string" || !isWebAddress(address) || isGuarded(address);
const UNGUARDED = "would send the token in the clear: use https://";

const Webhook = z.strictObject({
  kind: z.literal("webhook"),
  url: Address,
  /** The receiver proves with it that a delivery comes from this master. */
  secret: Key.optional(),
  ca: Ca.optional(),
});

const Smtp = z
  .strictObject({
    kind: z.literal("smtp"),
    host: Line,
    port: z.int().min(1).max(65_535).optional(),
    /** `starttls` is demanded, not tried; `tls` speaks it from the first byte. */
    tls: z.enum(["starttls", "tls", "none"]).default("starttls"),
    from: Mailbox,
    to: z.union([Mailbox.transform((one) => [one]), z.array(Mailbox).min(1).max(50)]),
    user: z.union([Line, SecretShape]).optional(),
    password: Key.optional(),
    ca: Ca.optional(),
  })
  .refine(({ tls, password, host }) => password === undefined || tls !== "none" || LOOPBACK.test(host), {
    path: ["tls"],
    error: "none would send the password in the clear",
  })
  .refine(({ user, password }) => (user === undefined) === (password === undefined), {
    path: ["user"],
    error: "and password belong together",
  });

const Ntfy = z
  .strictObject({
    kind: z.literal("ntfy"),
    url: Address.default("https://ntfy.sh"),
    topic: z.union([
      SecretShape,
      z.string().regex(/^[-_A-Za-z0-9]{1,64}$/, "is not the name of a topic: [-_A-Za-z0-9]"),
    ]),
    token: Key.optional(),
    tags: z.array(Line).max(10).default([]),
    ca: Ca.optional(),
  })
  .refine(({ url, token }) => guarded(url, token), { path: ["url"], error: UNGUARDED });

const Matrix = z
  .strictObject({
    kind: z.literal("matrix"),
    homeserver: Address,
    room: z
      .string()
      .max(255)
      .regex(/^![^\s/]+$/, "is not the id of a room, which begins with `!`"),
    token: Key,
    ca: Ca.optional(),
  })
  .refine(({ homeserver, token }) => guarded(homeserver, token), { path: ["homeserver"], error: UNGUARDED });

export const Sender = z.discriminatedUnion("kind", [Webhook, Smtp, Ntfy, Matrix]);
export type Sender = z.output<typeof Sender>;
export type SenderOf<K extends Sender["kind"]> = Extract<Sender, { kind: K }>;

const sender =
  <K extends Sender["kind"], S extends z.ZodType<Sender>>(kind: K, schema: S) =>
  (options: Omit<z.input<S>, "kind">): SenderOf<K> => {
    const read = schema.safeParse({ kind, ...options });
    if (read.success) return read.data as unknown as SenderOf<K>;
    throw new BomaError("site/notifications", `${kind}: ${faultText(read.error)}`);
  };

/** An HTTP POST whose body is the event, signed with `secret`. */
export const webhook = sender("webhook", Webhook);
/** A mail. */
export const smtp = sender("smtp", Smtp);
/** A push message by an ntfy server. */
export const ntfy = sender("ntfy", Ntfy);
/** A message in a Matrix room. */
export const matrix = sender("matrix", Matrix);
