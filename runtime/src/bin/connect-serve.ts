#!/usr/bin/env node
import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import type { App } from "../node/app.js";
import { serve } from "../node/serve.js";

const usage = `Usage: connect-serve <module>[:<export>] [options]

Serves the app that a module exports: gRPC, gRPC-Web and Connect over HTTP/1.1 and HTTP/2 on one port.
The export is "app" or the default export unless it is named.

Options:
  --address <address>     host:port, [::]:port, dns:name:port or unix:path (default 0.0.0.0:$PORT, or 0.0.0.0:8080)
  --tls-cert <file>       certificate chain in PEM; serves TLS
  --tls-key <file>        private key in PEM
  --tls-client-ca <file>  demand client certificates of this CA
  --grace <seconds>       how long running calls may take after SIGTERM or SIGINT (default 30)
  --help
`;

function fail(message: string): never {
  console.error(`connect-serve: ${message}`);
  process.exit(1);
}

function parse() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        address: { type: "string" },
        "tls-cert": { type: "string" },
        "tls-key": { type: "string" },
        "tls-client-ca": { type: "string" },
        grace: { type: "string" },
        help: { type: "boolean" },
      },
    });
  } catch (error) {
    fail(`${(error as Error).message}\n\n${usage}`);
  }
}

/** `./server.js:app` -> the module's path and the export's name. A path may hold colons too (`C:\server.js`). */
function splitTarget(target: string): { path: string; name: string | undefined } {
  const colon = target.lastIndexOf(":");
  if (colon <= 1 || existsSync(target)) return { path: target, name: undefined };
  return { path: target.slice(0, colon), name: target.slice(colon + 1) };
}

function isApp(value: unknown): value is App {
  return typeof value === "function" && typeof (value as Partial<App>).internals?.handleStream === "function";
}

async function loadApp(target: string): Promise<App> {
  const { path, name } = splitTarget(target);
  if (!existsSync(path)) fail(`there is no module ${path}`);
  const module = (await import(pathToFileURL(resolve(path)).href)) as Record<string, unknown>;
  // A CommonJS module's exports are its default export; its named ones may not have been detected.
  const commonJs = (module.default ?? {}) as Record<string, unknown>;
  const candidates = name === undefined ? [module.app, commonJs.app, module.default] : [module[name], commonJs[name]];
  const app = candidates.find(isApp);
  if (app === undefined) {
    const names = [...new Set([...Object.keys(module), ...Object.keys(commonJs)])].join(", ");
    const wanted = name === undefined ? 'an app as "app" or as its default export' : `an app as "${name}"`;
    fail(`${path} does not export ${wanted} (made by createApp). It exports: ${names || "nothing"}`);
  }
  return app;
}

const { values, positionals } = parse();
if (values.help === true) {
  console.log(usage);
} else {
  const [target] = positionals;
  if (target === undefined || positionals.length > 1) fail(`one module is expected\n\n${usage}`);
  if ((values["tls-cert"] === undefined) !== (values["tls-key"] === undefined))
    fail("--tls-cert and --tls-key go together");
  const app = await loadApp(target);
  const ca = values["tls-client-ca"];
  const server = await serve(app, {
    address: values.address ?? `0.0.0.0:${process.env.PORT ?? 8080}`,
    shutdownGraceMs: Number(values.grace ?? 30) * 1000,
    ...(values["tls-cert"] === undefined
      ? {}
      : {
          tls: {
            cert: readFileSync(values["tls-cert"]),
            key: readFileSync(values["tls-key"] as string),
            ...(ca === undefined ? {} : { ca: readFileSync(ca), requestCert: true, rejectUnauthorized: true }),
          },
        }),
  }).catch((error: Error) => fail(error.message));
  console.log(`connect-serve: listening on ${server.address}`);
}
