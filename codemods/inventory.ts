import path from "node:path";
import { Node, type SourceFile, SyntaxKind } from "ts-morph";
import type { Flavour } from "./analysis/origin.js";
import { type AnalysisProject, createAnalysisProject } from "./analysis/project.js";
import { codeHomes, loadProtos } from "./generate/index.js";
import { discover, projectRoot } from "./project/discover.js";
import { emptyRegistry } from "./project/empty-registry.js";
import { generatorOf } from "./project/generated.js";

export interface InventoryPlace {
  readonly file: string;
  readonly line: number;
}

/** A service that some program offers, or that some code calls. `service` is null where nothing proves which. */
export interface InventoryEntry {
  readonly service: string | null;
  readonly flavour: Flavour | null;
  readonly places: readonly InventoryPlace[];
}

export interface Inventory {
  readonly services: readonly InventoryEntry[];
  readonly clients: readonly InventoryEntry[];
  /** Generated files by what made them. */
  readonly generated: readonly { readonly generator: string; readonly files: number }[];
  readonly protos: number;
}

/** What uses grpc-js in a project: registered services, constructed clients, generated code. */
export async function takeInventory(options: { cwd: string; paths: readonly string[] }): Promise<Inventory> {
  const paths = options.paths.map((file) => path.resolve(options.cwd, file));
  const root = projectRoot(paths, options.cwd);
  const discovery = await discover({ root, paths });
  const sources = [...discovery.texts].map(([file, text]) => ({ path: file, text }));
  const files = [...discovery.selected, ...discovery.related, ...discovery.generated];
  const homes = codeHomes({ root, files, imports: discovery.imports, sources });
  const generators = new Map<string, number>();
  for (const [file, text] of discovery.texts) {
    const generator = generatorOf(file, text);
    if (generator !== null) generators.set(generator, (generators.get(generator) ?? 0) + 1);
  }
  const services = createEntries();
  const clients = createEntries();
  const selected = new Set(discovery.selected);
  const protos = new Set<string>();
  for (const home of homes) {
    const { folder, without } = home;
    const loaded = await loadProtos({ root: folder, project: root, without, sources });
    for (const proto of loaded.discovery.files) if (!proto.dependency) protos.add(proto.path);
    const project = createAnalysisProject({
      root,
      candidates: [...discovery.selected, ...discovery.related].filter((file) => home.files.has(file)),
      context: discovery.generated.filter((file) => home.files.has(file)),
      protos: loaded.registry ?? emptyRegistry(folder, loaded.failure),
      texts: discovery.texts,
    });
    for (const source of project.files) if (selected.has(source.getFilePath())) collect(project, source);
  }
  return {
    services: services.list(),
    clients: clients.list(),
    generated: [...generators].map(([generator, files]) => ({ generator, files })),
    protos: protos.size,
  };

  function collect(project: AnalysisProject, source: SourceFile): void {
    const file = source.getFilePath() as string;
    for (const call of source.getDescendantsOfKind(SyntaxKind.CallExpression)) {
      const callee = call.getExpression();
      if (!Node.isPropertyAccessExpression(callee) || callee.getName() !== "addService") continue;
      if (project.originOf(callee.getExpression()).kind !== "server") continue;
      const [first] = call.getArguments();
      const origin = first && project.originOf(first);
      const known = origin?.kind === "service-definition" ? origin : null;
      services.add(known?.service ?? null, known?.flavour ?? null, { file, line: call.getStartLineNumber() });
    }
    for (const made of source.getDescendantsOfKind(SyntaxKind.NewExpression)) {
      const origin = project.originOf(made);
      if (origin.kind === "client")
        clients.add(origin.service || null, origin.flavour, { file, line: made.getStartLineNumber() });
    }
  }
}

function createEntries() {
  const entries = new Map<string, { service: string | null; flavour: Flavour | null; places: InventoryPlace[] }>();
  return {
    add(service: string | null, flavour: Flavour | null, place: InventoryPlace) {
      const key = `${service} ${flavour}`;
      const entry = entries.get(key) ?? { service, flavour, places: [] };
      entry.places.push(place);
      entries.set(key, entry);
    },
    list: (): InventoryEntry[] =>
      [...entries.values()].sort((a, b) => (a.service ?? "").localeCompare(b.service ?? "")),
  };
}
