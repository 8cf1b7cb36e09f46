import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Certificates {
  ca: Buffer;
  server: { key: Buffer; cert: Buffer };
  client: { key: Buffer; cert: Buffer };
}

/** A throw-away authority with a certificate for localhost and one for a client, made by openssl. */
export function makeCertificates(): Certificates {
  const folder = mkdtempSync(join(tmpdir(), "connect-migrate-tls-"));
  const openssl = (...args: string[]) => execFileSync("openssl", args, { cwd: folder, stdio: "pipe" });
  const read = (name: string) => readFileSync(join(folder, name));
  try {
    writeFileSync(join(folder, "san.cnf"), "subjectAltName=DNS:localhost,IP:127.0.0.1\n");
    openssl(
      ..."req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=test-ca -keyout ca.key -out ca.pem".split(
        " ",
      ),
    );
    for (const name of ["server", "client"]) {
      openssl(
        ...`req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=${name} -keyout ${name}.key -out ${name}.csr`.split(
          " ",
        ),
      );
      openssl(
        ...`x509 -req -days 2 -in ${name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -extfile san.cnf -out ${name}.pem`.split(
          " ",
        ),
      );
    }
    return {
      ca: read("ca.pem"),
      server: { key: read("server.key"), cert: read("server.pem") },
      client: { key: read("client.key"), cert: read("client.pem") },
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
