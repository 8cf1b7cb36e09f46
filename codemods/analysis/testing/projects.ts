import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { create, createFileRegistry } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { afterEach } from "vitest";
import { createProtoRegistry } from "../../generate/proto-registry.js";
import { runMigration } from "../../pipeline.js";
import { type AnalysisProject, createAnalysisProject } from "../project.js";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** A folder of these files, until the test ends. */
function folderOf(files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(path.join(tmpdir(), "analysis-"));
  folders.push(root);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
    writeFileSync(path.join(root, name), text);
  }
  return root;
}

/** What the analysis knows of these files, of which it has no descriptors. */
export function projectOf(files: Readonly<Record<string, string>>): AnalysisProject {
  const root = folderOf(files);
  const protos = createProtoRegistry({
    registry: createFileRegistry(create(FileDescriptorSetSchema)),
    layout: { outDir: path.join(root, "gen"), importExtension: ".js" },
    sources: new Map(),
  });
  const candidates = Object.keys(files)
    .filter((name) => /\.[cm]?[jt]s$/.test(name))
    .map((name) => path.join(root, name));
  return createAnalysisProject({ root, candidates, context: [], protos });
}

/** The texts of a project's files once `services` has been over it. */
export async function servicesOver<Name extends string>(files: Readonly<Record<Name, string>>) {
  const { files: changed } = await runMigration({
    cwd: folderOf({ "package.json": '{ "name": "p" }\n', ...files }),
    paths: ["."],
    side: "services",
    target: "bundled",
    messages: "auto",
    runtime: "npm",
  });
  return (name: Name): string => changed.find((file) => path.basename(file.path) === name)?.after ?? files[name];
}
