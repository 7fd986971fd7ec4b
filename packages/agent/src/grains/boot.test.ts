import { expect, test } from "vitest";

import { assignedClaims, bootClaims, kernelParams } from "./boot.ts";

test("quotes, repeated and bare parameters; what follows -- is for init", () => {
  expect(
    kernelParams(
      'quiet console=tty0 console=ttyS0,115200 dyndbg="file drivers/* +p" "a=b c" --- x= -- init=1 y',
    ),
  ).toEqual({
    quiet: true,
    console: ["tty0", "ttyS0,115200"],
    dyndbg: "file drivers/* +p",
    a: "b c",
    x: "",
  });
});

test("secrets are masked wherever they stand", () => {
  const line =
    'boma.token=BT1abc boma.token=BT2 "boma.token=BT3 x" db_password="hun ter2" X_SECRET=q api-key=k ' +
    "systemd.set_credential=a:b url=https://me:pw@host/x boma.env=dev";
  const params = kernelParams(line);
  expect(params).toEqual({
    "boma.token": ["***", "***", "***"],
    db_password: "***",
    X_SECRET: "***",
    "api-key": "***",
    "systemd.set_credential": "***",
    url: "https://***@host/x",
    "boma.env": "dev",
  });
});

test("claims are the boma parameters without the secret ones", () => {
  const line =
    'boma.env=dev boma.role="web front" boma.token=BT1 boma.url=nats://m boma. boma.X=1 boma.flag xboma.env=no';
  expect(bootClaims(line)).toEqual({ env: "dev", role: "web front", url: "nats://m" });
  expect(assignedClaims(`${line} boma.site=`)).toEqual({ env: "dev", role: "web front" });
});

test("hostile lines stay data", () => {
  const params = kernelParams('__proto__=x constructor=y "unclosed=a b');
  expect(Object.keys(params)).toEqual(["constructor", "unclosed"]);
  expect(({} as Record<string, unknown>)["x"]).toBeUndefined();
  expect(Object.keys(kernelParams(Array.from({ length: 5000 }, (_, i) => `p${i}`).join(" ")))).toHaveLength(
    256,
  );
});
