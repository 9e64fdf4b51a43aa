// Reaching a NATS server that speaks TLS and asks who one is, as the commands do: in processes of their own, which are told whom to
// trust.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { certificatePair } from "../../test/certificate.ts";
import { hasNats, type NatsServer, noNats, startNats } from "../../test/nats-server.ts";
import { type Outcome, startSpinn } from "../../test/spinn.ts";

describe.skipIf(!hasNats())(hasNats() ? "NATS with TLS and passwords" : noNats, () => {
  let folder: string;
  let server: NatsServer;
  let address: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "spinn-nats-tls-"));
    const { cert, key } = await certificatePair();
    await writeFile(join(folder, "cert.pem"), cert);
    await writeFile(join(folder, "key.pem"), key);
    const users = '[{ user: "cloud", password: "a-secret-word" }]';
    const tls = `{ cert_file: "${folder}/cert.pem", key_file: "${folder}/key.pem" }`;
    await writeFile(join(folder, "nats.conf"), `tls ${tls}\nauthorization { users = ${users} }\n`);
    server = await startNats(["-c", join(folder, "nats.conf")]);
    address = server.url.replace("nats://", "");
  });
  afterAll(async () => {
    await server?.close();
    await rm(folder, { recursive: true, force: true });
  });

  const list = (url: string, trust = true): Promise<Outcome> =>
    startSpinn(["deploy", "--nats", url], undefined, trust ? { NODE_EXTRA_CA_CERTS: join(folder, "cert.pem") } : {})
      .ended;

  test("its certificate counts for the address that is dialled", async () => {
    const { code, out, err } = await list(`tls://cloud:a-secret-word@${address}`);
    expect({ code, out, err }).toEqual({ code: 0, out: "Nothing is deployed\n", err: [] });
  });

  test("who is not trusted, and who is not let in, hears why, and no password is repeated", async () => {
    const strange = await list(`tls://cloud:a-secret-word@${address}`, false);
    expect(strange.err).toEqual([
      expect.stringMatching(/self-signed certificate\. Name its certificate in NODE_EXTRA_CA/),
    ]);
    const wrong = await list(`tls://cloud:another-word@${address}`);
    expect(wrong.err).toEqual([expect.stringMatching(/Authorization.*check address and credentials/i)]);
    const nobody = await list(`tls://${address}`);
    expect(nobody.err).toEqual([expect.stringMatching(/Authorization.*check address and credentials/i)]);
    for (const { code, out, err } of [strange, wrong, nobody]) {
      expect({ code, out }).toEqual({ code: 1, out: "" });
      expect(err.join()).not.toMatch(/secret|another-word/);
    }
  });
});
