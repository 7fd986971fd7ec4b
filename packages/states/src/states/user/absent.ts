import { z } from "zod";

import { diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import { homeToRemove } from "./home.ts";
import { assertNotLastAdmin } from "./last-admin.ts";
import { assertLocal, blocked, Name } from "./parameters.ts";

export default defineState({
  name: "user.absent",
  summary: "No user of this name; its files stay unless it is said otherwise.",
  key: "name",
  params: z.strictObject({
    name: Name.refine((name) => name !== "root", "root is never removed").describe("The user's name."),
    removeHome: z.boolean().default(false).describe("Remove the home directory with all that is in it."),
    endProcesses: z.boolean().default(false).describe("End the user's processes first."),
  }),
  claims: ({ name }) => [`user:${name}`],

  async check({ name, removeHome, endProcesses }, host) {
    const now = await host.accounts.user(name);
    assertLocal("user", now);
    if (!now) return {};
    if (now.uid === 0) throw blocked(`${name} is another name of root, and is not removed`);
    if (now.uid === (await host.accounts.ownUid()))
      throw blocked(`${name} is the user that this agent runs as`);
    await assertNotLastAdmin(now, host);
    const running = await host.accounts.processesOf(now.uid);
    if (running > 0 && !endProcesses)
      throw blocked(
        `${name} is not removed: ${running} of its processes run`,
        "`endProcesses: true` ends them.",
      );
    const home = removeHome && (await homeToRemove(now, host)) ? now.home : undefined;
    return diff<{ present: boolean; running: number; home: string }>(
      { present: true, running, home },
      { present: false, running: running > 0 ? 0 : undefined, home: home === undefined ? undefined : "" },
    );
  },

  async apply({ running, home }, { name }, { accounts, files }) {
    const now = await accounts.user(name);
    if (!now) return;
    if (running) await accounts.endProcesses(now.uid);
    // While the account is there it is known whose home it is.
    if (home) await files.remove(now.home, { recursive: true });
    await accounts.removeUser(name);
  },

  examples: [
    { title: "a user who left; the files stay", key: "guest", given: { users: { guest: { processes: 0 } } } },
    {
      title: "a user with all that it had",
      key: "guest",
      params: { removeHome: true, endProcesses: true },
      given: {
        users: { guest: { processes: 2 } },
        files: {
          "/home/guest": { directory: true, owner: "guest" },
          "/home/guest/notes": { contents: "milk\n", owner: "guest" },
        },
      },
    },
  ],
});
