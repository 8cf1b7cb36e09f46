import { fileURLToPath } from "node:url";
import { Node, Project } from "ts-morph";
import { expect, it } from "vitest";

const project = new Project({ skipAddingFilesFromTsConfig: true, compilerOptions: { module: 199 } });

it.each(["", "node/", "grpc-js/", "health/", "reflection/", "opentelemetry/"])(
  "every name that @connect-migrate/runtime/%s exports says what it is",
  (entry) => {
    const file = project.addSourceFileAtPath(fileURLToPath(new URL(`${entry}index.ts`, import.meta.url)));
    const silent = [...file.getExportedDeclarations()]
      .filter(([, declarations]) => {
        const documented = declarations.some((declaration) => {
          const owner = Node.isVariableDeclaration(declaration) ? declaration.getVariableStatement() : declaration;
          return owner !== undefined && Node.isJSDocable(owner) && owner.getJsDocs().length > 0;
        });
        return !documented;
      })
      .map(([name]) => name);
    expect(silent).toEqual([]);
  },
);
