/** `notifications.ts` of a site: what is told to whom. A site needs none. */
import type { Notification, Notifications } from "@boma/states/core";

import { SiteError } from "./site-error.ts";
import type { SiteModules } from "./site-modules.ts";
import { compileEntry, type World } from "./top-entries.ts";

export const NOTIFICATIONS_FILE = "notifications.ts";

export function loadNotifications(modules: SiteModules, world: World): readonly Notification[] | undefined {
  if (!modules.paths.isFile(NOTIFICATIONS_FILE)) return [];
  return modules.attempt(NOTIFICATIONS_FILE, () => {
    const { default: given } = modules.load(NOTIFICATIONS_FILE);
    if (
      typeof given !== "object" ||
      given === null ||
      (given as Partial<Notifications>).isNotifications !== true
    )
      throw new SiteError("site/notifications", "the default export is not what `notifications` gives", {
        place: { file: NOTIFICATIONS_FILE },
        hint: 'Write `export default notifications({ ops: { on: "drift.*", to: webhook({ … }) } })`.',
      });
    const { entries } = given as Notifications;
    for (const { target } of entries)
      if (target !== undefined) compileEntry(world, NOTIFICATIONS_FILE, target, []);
    return entries;
  });
}
