import { diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import { Schedule } from "../../schedules/schedule.ts";

const KIND = "schedule.job";
const idOf = (name: string): string => `${KIND}(${name})`;

export default defineState({
  name: KIND,
  summary: "A function that the agent runs by itself at set times, also while the master is away.",
  key: "name",
  params: Schedule,
  // It is kept among the agent's own things, which are in its home.
  confinable: true,
  claims: ({ name }) => [`schedule:${name}`],

  async check(want, { duties }) {
    const held = await duties.get(idOf(want.name));
    return diff(held?.kind === KIND ? held.params : undefined, want);
  },

  async apply(_, want, { duties }) {
    await duties.set(idOf(want.name), { kind: KIND, params: want });
  },

  examples: [
    {
      title: "the whole catalog on every working day, by night",
      key: "nightly",
      params: {
        function: "state.apply",
        cron: "30 2 * * mon-fri",
        zone: "Europe/Vienna",
        splay: "10m",
        catchUp: "once",
      },
    },
    {
      title: "a command every half an hour, outside of office hours",
      key: "tidy",
      params: {
        function: "cmd.run",
        args: { command: ["find", "/var/tmp", "-mtime", "+7", "-delete"] },
        every: "30m",
        zone: "Europe/Vienna",
        window: { days: ["mon", "tue", "wed", "thu", "fri"], from: "20:00", to: "06:00" },
        timeout: "5m",
      },
      given: {
        duties: {
          "schedule.job(tidy)": { kind: KIND, params: { name: "tidy", function: "test.ping", every: "1h" } },
        },
      },
    },
    {
      title: "five minutes after each boot",
      key: "settle",
      params: { function: "service.restart", args: { unit: "chrony" }, atBoot: "5m" },
    },
    {
      title: "switched off for now",
      key: "report",
      params: { function: "disk.usage", cron: "@daily", enabled: false },
    },
  ],
});
