/** Notifications, as a site writes them and a master reads them. */
export type { Condition, WantedValue } from "./condition.ts";
export * from "./notifications.ts";
export { isGuarded, matrix, ntfy, type Sender, type SenderOf, smtp, webhook } from "./senders.ts";
export { parseTemplate, type TemplatePart } from "./text-template.ts";
