import { expect, test } from "vitest";

import type { BootAnswer } from "./netboot.ts";
import { PixieAnswers } from "./pixiecore.ts";

const ASKED = { mac: "52:54:00:00:00:01", address: "10.77.0.9", url: "http://10.77.0.1:8080" };
const LETS: BootAnswer = { boots: true, token: "bt_A_B", node: "web-1", time: 1_000 };

/** How often the master was asked, and what the next answer is. */
function answering(answers: readonly (BootAnswer | Error)[], hasImage = true) {
  const asked: object[] = [];
  const shelf = {
    refresh: () => Promise.resolve(),
    find: () => (hasImage ? { manifest: { name: "small" } } : undefined),
  };
  const pixie = new PixieAnswers({
    shelf: shelf as never,
    boot: (asking) => {
      const answer = answers[asked.push(asking) - 1] ?? new Error("asked too often");
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
    },
    console: () => "ttyS1",
    extra: "",
  });
  return { asked, pixie };
}

test("kernel, initrd and words are as Pixiecore documents them, by full addresses of this service", async () => {
  const { pixie } = answering([LETS]);
  const answer = await pixie.answer(ASKED);
  expect(answer.boots && JSON.parse(answer.body)).toEqual({
    kernel: "http://10.77.0.1:8080/image/small/52-54-00-00-00-01/kernel",
    initrd: ["http://10.77.0.1:8080/image/small/52-54-00-00-00-01/initrd"],
    cmdline:
      "panic=30 console=ttyS1 boma.id=web-1 boma.token=bt_A_B boma.time=1000 BOOTIF=01-52-54-00-00-00-01",
    message: "boma: 52:54:00:00:00:01 boots small",
  });
});

test("whoever asks twice at once is answered with one token, until the machine has loaded all", async () => {
  const { asked, pixie } = answering([LETS, { ...LETS, token: "bt_A_C" }]);
  const [first, second] = await Promise.all([pixie.answer(ASKED), pixie.answer(ASKED)]);
  expect(second).toEqual(first);
  expect(asked).toHaveLength(1);
  pixie.loaded(ASKED.mac);
  expect(await pixie.answer(ASKED)).not.toEqual(first);
  expect(asked).toHaveLength(2);
});

test("a refusal, and a master that does not answer, are not kept", async () => {
  const { asked, pixie } = answering([{ boots: false, why: "no window" }, new Error("no master"), LETS]);
  expect(await pixie.answer(ASKED)).toEqual({ boots: false, why: "no window" });
  await expect(pixie.answer(ASKED)).rejects.toThrow("no master");
  expect(await pixie.answer(ASKED)).toMatchObject({ boots: true });
  expect(asked).toHaveLength(3);
});

test("without an image there is no token for it", async () => {
  const { asked, pixie } = answering([LETS], false);
  expect(await pixie.answer(ASKED)).toEqual({ boots: false, why: "there is no image for amd64" });
  expect(asked).toEqual([]);
});
