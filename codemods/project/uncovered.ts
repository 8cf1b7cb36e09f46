import { type File, isFunction, type Node, parentMap, statementOf } from "../shared/ast.js";
import type { Edit } from "../shared/edits.js";
import type { Finding } from "../shared/finding.js";
import { requiredModule } from "../shared/imports.js";
import { type Reason, reason } from "../shared/reasons.js";
import { scopesOf } from "../shared/scope.js";

type Side = "services" | "clients";

/** Whose construct a member of grpc-js is; all others belong to whatever else the file is about. */
const SIDES: readonly (readonly [RegExp, Side])[] = [
  [/^(Server|ServerCredentials|ServerInterceptingCall|ServerListenerBuilder|ResponderBuilder)\b/, "services"],
  [
    /^(Server\w*(Call|Stream)|handle\w*Call|sendUnaryData|UntypedHandleCall|UntypedServiceImplementation)\b/,
    "services",
  ],
  [/^(Client\w*|credentials|ChannelCredentials|CallCredentials|Channel|make(Generic)?ClientConstructor)\b/, "clients"],
  [/^(InterceptingCall|ListenerBuilder|RequesterBuilder|CallOptions|requestCallback|waitForClientReady)\b/, "clients"],
  [/^(connectivityState|closeClient|getClientChannel|ServiceClientConstructor|ServiceClient)\b/, "clients"],
];

/** One use of a grpc package. */
export interface Use {
  readonly construct: string;
  readonly member: string;
  readonly node: Node;
  readonly package: string;
  /** Whose construct it is, where that shows where it stands. */
  readonly side?: Side;
}

/** Members that only carry a server or client: what is said of that is said of them. */
const SUPPORT: Readonly<Record<Side, RegExp>> = {
  services:
    /^(ServerCredentials|KeyCertPair|ServerOptions|load|loadSync|fromJSON|loadFileDescriptorSetFrom\w+|loadPackageDefinition|GrpcObject|Options|addAdminServicesToServer)\b/,
  clients:
    /^(credentials|ChannelCredentials|ChannelOptions|ClientOptions|load|loadSync|fromJSON|loadFileDescriptorSetFrom\w+|loadPackageDefinition|GrpcObject|Options)\b/,
};
const CARRIED: Readonly<Record<Side, RegExp>> = {
  services: /^services\/server-to-app$/,
  clients: /^clients\/(client-bridge|channel-to-transport)$/,
};
const MESSAGES =
  /^(load|loadSync|fromJSON|loadFileDescriptorSetFrom\w+|loadPackageDefinition|PackageDefinition|Options|make(Generic)?ClientConstructor|ServiceClientConstructor|ServiceDefinition)$/;

/** What a file leaves as it is, and what it takes from others. */
export interface Leftovers {
  /** Absolute. */
  readonly file: string;
  readonly uses: readonly Use[];
  /** The sides whose constructs the file has, and whether this side's analysis knows something of it. */
  readonly sides: ReadonlySet<Side>;
  readonly hasOwnFacts: boolean;
  /** Why a use, in this file or one that it imports, works on: by a bridge of this file. Null for a use that nothing here keeps. */
  readonly keeps: (use: Use) => Reason | null;
}

/** Every use of grpc-js or proto-loader on which no rule has said or done anything. */
export function leftoversOf(
  file: File,
  path: string,
  side: Side,
  findings: readonly Finding[],
  edits: readonly Edit[],
  hasOwnFacts: boolean,
  source: string,
): Leftovers {
  const parents = parentMap(file);
  const uses = grpcUses(file).map((use) =>
    isOfClientCallback(use, parents) ? { ...use, side: "clients" as const } : use,
  );
  const isCarried =
    findings.some((finding) => CARRIED[side].test(finding.rule)) || calls("grpcJsMessages").test(source);
  const isCovered = (use: Use) => {
    const statement = statementOf(use.node, parents);
    const start = isBlockLike(statement) ? use.node.start : (statement?.start ?? use.node.start);
    const end = isBlockLike(statement) ? use.node.end : (statement?.end ?? use.node.end);
    return (
      (isCarried && SUPPORT[side].test(use.member)) ||
      findings.some((finding) => overlaps(finding, start, end) || overlaps(finding, use.node.start, use.node.end)) ||
      isInHandler(use.node, parents, findings) ||
      edits.some((edit) => edit.end > edit.start && overlaps(edit, use.node.start, use.node.end))
    );
  };
  const seen = new Set<number>();
  return {
    file: path,
    uses: uses.filter((use) => !isCovered(use)).filter((use) => !seen.has(use.node.start) && seen.add(use.node.start)),
    sides: new Set(uses.map(sideOf).filter((found) => found !== undefined)),
    hasOwnFacts,
    keeps: bridgesOf(findings, edits, source, parents),
  };
}

/**
 * What files leave as it is, as findings: a report that is silent about a construct would be a lie. Each use is reported by one
 * side only, and not beside what it belongs to.
 */
export function uncoveredFindings(
  side: Side,
  leftovers: readonly Leftovers[],
  imports: (from: string, to: string) => boolean,
): Finding[] {
  // Which files import one another is asked for nothing but what a file does not say itself.
  const around = perFile((own) => {
    const others = leftovers.filter((other) => other !== own);
    const users = others.filter(({ file }) => imports(file, own.file));
    return [...users, ...others.filter(({ file }) => imports(own.file, file))];
  });
  const sidesAround = perFile((own) => new Set(around(own).flatMap(({ sides }) => [...sides])));
  return leftovers.flatMap((own) => {
    const isMine = (use: Use) => {
      const [only, another] = own.sides.size > 0 ? own.sides : sidesAround(own);
      // What both sides use (status, Metadata, load) is the services' where nothing else says whose it is.
      const whose = sideOf(use) ?? (another === undefined ? only : undefined) ?? "services";
      return whose === side || (own.sides.size === 0 && own.hasOwnFacts);
    };
    return own.uses.filter(isMine).map((use) => {
      const kept =
        own.keeps(use) ??
        around(own)
          .map((other) => other.keeps(use))
          .find((found) => found !== null);
      return {
        rule: `${side}/uncovered`,
        outcome: kept ? ("bridged" as const) : ("manual" as const),
        construct: use.construct,
        reason: kept ?? reason(use.package === "grpc" ? "old-grpc" : "not-covered", use.construct),
        file: own.file,
        start: use.node.start,
        end: use.node.end,
        rpc: null,
      };
    });
  });
}

/** A function of a file's leftovers that is computed once, and only where it is asked for. */
function perFile<T>(compute: (own: Leftovers) => T): (own: Leftovers) => T {
  const known = new Map<Leftovers, T>();
  return (own) => {
    const found = known.get(own) ?? compute(own);
    known.set(own, found);
    return found;
  };
}

/** A use in the head of a function whose body a finding is about: the types of its parameters. */
function isInHandler(node: Node, parents: ReturnType<typeof parentMap>, findings: readonly Finding[]): boolean {
  for (let at = parents.get(node); at; at = parents.get(at)) {
    const { body } = at;
    if (isFunction(at) && findings.some((finding) => finding.start === body.start && finding.end === body.end))
      return true;
  }
  return false;
}

/** A call of a function, `grpcJsMessages(`, also with a type: `grpcJsMessages<ShopClient>(`. */
function calls(name: string): RegExp {
  return new RegExp(`\\b${name}(<[\\w.$ ]+>)?\\(`);
}

/** What works on because a rule of this or an earlier run put a bridge where it is used; null for anything else. */
function bridgesOf(
  findings: readonly Finding[],
  edits: readonly Edit[],
  source: string,
  parents: ReturnType<typeof parentMap>,
): (use: Use) => Reason | null {
  const writes = (name: string) => {
    const written = calls(name);
    return written.test(source) || edits.some((edit) => written.test(edit.text));
  };
  const messages = writes("grpcJsMessages");
  const channel = writes("transportFromGrpcJs");
  const errors = writes("toConnectError") || writes("serviceErrorFrom") || writes("grpcJsStatusFrom");
  const metadata = writes("headersFromMetadata") || writes("metadataFromHeaders");
  const credentials = writes("callCredentials");
  const interceptors = writes("fromServerInterceptors");
  const read = writes("grpcJsCall");
  const client = findings.some((finding) => finding.rule === "clients/client-bridge" && finding.outcome === "bridged");
  const handler =
    writes("fromCallback") ||
    writes("fromCallbacks") ||
    findings.some(
      (finding) =>
        finding.outcome === "bridged" &&
        /^services\/(handler-bridge|server-to-app)$/.test(finding.rule) &&
        finding.reason?.code !== "messages-bridged",
    );
  // `interface ShopClient extends grpc.Client`
  const isType = ({ node }: Use) => /^TS/.test(parents.get(node)?.type ?? "");
  return (use) => {
    const { member, construct } = use;
    if (messages && MESSAGES.test(member))
      return reason("messages-bridged", `they are coded by what ${construct} gives`);
    if (interceptors && INTERCEPTOR.test(member))
      return reason("kept-beside-bridge", `${construct} belongs to a server interceptor that keeps its shape`);
    if (channel && CHANNEL.test(member))
      return reason("kept-beside-bridge", `${construct} belongs to a channel of grpc-js`);
    if (client && (CLIENT.test(member) || (member === "Client" && isType(use))))
      return reason("kept-beside-bridge", `${construct} belongs to a client that keeps its grpc-js shape`);
    if (credentials && /^(Metadata|credentials|CallCredentials)\b/.test(member))
      return reason("kept-beside-bridge", `${construct} belongs to credentials that are asked for each call`);
    if (handler && HANDLER.test(member))
      return reason("kept-beside-bridge", `${construct} belongs to a handler that keeps its callback`);
    if (read && READ.test(member))
      return reason("kept-beside-bridge", `${construct} belongs to a function that reads the call`);
    if (metadata && /^Metadata\b/.test(member))
      return reason("kept-beside-bridge", `${construct} is turned into Headers where it is used`);
    if (errors && /^(status|ServiceError|StatusObject|Metadata|requestCallback)\b/.test(member))
      return reason("kept-beside-bridge", `${construct} belongs to an error that keeps its shape`);
    return null;
  };
}

const INTERCEPTOR =
  /^(Server(InterceptingCall|Listener|ListenerBuilder|Interceptor)|Responder(Builder)?|status|Metadata|StatusBuilder|StatusObject)\b/;
const HANDLER =
  /^(status|Metadata|ServiceError|StatusObject|ServiceDefinition|Untyped\w+|sendUnaryData|handle\w*Call|Server\w*(Call|Stream))\b/;
const READ = /^(Metadata|Server\w*(Call|Stream))\b/;
const CHANNEL =
  /^(Interceptor|NextCall|InterceptingCall|ListenerBuilder|RequesterBuilder|StatusBuilder|credentials|ChannelCredentials|CallCredentials|Channel|ChannelOptions|ClientOptions|Metadata|status|experimental)\b/;
// A bridged client answers to grpc-js's own functions, which call its members.
const CLIENT =
  /^(closeClient|waitForClientReady|getClientChannel|ServiceClient|status|Metadata|ServiceError|StatusObject|CallOptions|Deadline|requestCallback|connectivityState|Client\w*(Call|Stream)|Interceptor|InterceptorOptions|NextCall|InterceptingCall|ListenerBuilder|RequesterBuilder|StatusBuilder|Listener|Requester|CallCredentials|credentials)\b/;

function sideOf({ member, side }: Use): Side | undefined {
  return side ?? SIDES.find(([pattern]) => pattern.test(member))?.[1];
}

/** `client.get(key, (error: ServiceError | null, item) => …)`: handlers make errors, and are given none. */
function isOfClientCallback({ member, node }: Use, parents: ReturnType<typeof parentMap>): boolean {
  if (member !== "ServiceError") return false;
  let child = node;
  let parent = parents.get(node);
  while (parent && /^TS/.test(parent.type)) [child, parent] = [parent, parents.get(parent)];
  const owner = parent?.type === "Identifier" && parent.typeAnnotation === child ? parents.get(parent) : undefined;
  const call = isFunction(owner) && owner.params[0] === parent ? parents.get(owner) : undefined;
  return call?.type === "CallExpression" && (call.arguments as Node[]).includes(owner as Node);
}

/** A statement that holds other statements covers nothing by itself. */
function isBlockLike(statement: Node | undefined): boolean {
  if (statement === undefined) return true;
  const inner = statement.type.startsWith("Export") ? (statement.declaration as Node | null) : statement;
  if (inner?.type === "VariableDeclaration") return inner.end - inner.start > 2000;
  return inner !== null && inner !== undefined && !/^(Expression|Return|Throw|Import|TSTypeAlias)/.test(inner.type);
}

function overlaps(range: { start: number; end: number }, start: number, end: number): boolean {
  return range.start < end && start < range.end;
}

const PACKAGE = /^(?:@grpc\/(grpc-js|proto-loader)|grpc)(?:\/|$)/;

/** References to bindings that the file takes from grpc packages (or from others), each with its longest member chain. */
export function grpcUses(file: File, packages: RegExp = PACKAGE): Use[] {
  const scopes = scopesOf(file);
  const parents = parentMap(file);
  const uses: Use[] = [];
  const add = (local: Node, imported: string, module: string) => {
    const name = /^grpc(\/|$)/.test(module) ? "grpc" : (packages.exec(module)?.[1] ?? "grpc-js");
    const binding = scopes.bindingOf(local);
    if (!binding) return;
    for (const reference of [...binding.references, ...binding.writes]) {
      let node = reference;
      const chain: string[] = imported === "" ? [] : [imported];
      for (let parent = parents.get(node); parent; parent = parents.get(node)) {
        const isMember =
          (parent.type === "MemberExpression" || parent.type === "OptionalMemberExpression") &&
          parent.object === node &&
          !parent.computed;
        const isQualified = parent.type === "TSQualifiedName" && parent.left === node;
        if (!isMember && !isQualified) break;
        chain.push((isMember ? parent.property : parent.right).name);
        node = parent;
      }
      const member = chain.join(".");
      const holder = parents.get(node);
      // `const { Server } = grpc`: what is used are the names.
      if (member === "" && holder?.type === "VariableDeclarator" && holder.init === node && addNames(holder.id, module))
        continue;
      // `const codes = grpc.status`: so are other names of one member.
      const isNamed = holder?.type === "VariableDeclarator" && holder.init === node && holder.id.type === "Identifier";
      if (isNamed && chain.length === 1 && imported === "") {
        add(holder.id, member, module);
        continue;
      }
      const whole = name === "grpc" ? name : `@grpc/${name}`;
      uses.push({ construct: member === "" ? whole : member, member, node, package: name });
    }
  };
  const addNames = (pattern: Node, module: string): boolean => {
    if (pattern.type !== "ObjectPattern") return false;
    for (const property of pattern.properties as Node[])
      if (property.type === "ObjectProperty" && property.value.type === "Identifier")
        add(property.value, property.key.name ?? property.key.value, module);
    return true;
  };
  for (const [node] of parents) {
    if (node.type === "ImportDeclaration" && packages.test(node.source.value))
      for (const specifier of node.specifiers as Node[])
        add(
          specifier.local,
          specifier.type === "ImportSpecifier" ? (specifier.imported.name ?? specifier.imported.value) : "",
          node.source.value,
        );
    else if (node.type === "TSImportEqualsDeclaration" && node.moduleReference.type === "TSExternalModuleReference") {
      const module = node.moduleReference.expression.value as string;
      if (packages.test(module)) add(node.id, "", module);
    } else if (node.type === "VariableDeclarator") {
      const module = requiredModule(node.init);
      if (module === undefined || !packages.test(module)) continue;
      if (node.id.type === "Identifier") add(node.id, "", module);
      else addNames(node.id, module);
    } else if (/^Export(Named|All)Declaration$/.test(node.type) && node.source && packages.test(node.source.value)) {
      uses.push({ construct: `re-export of ${node.source.value}`, member: "", node, package: "grpc-js" });
    }
  }
  return uses;
}
