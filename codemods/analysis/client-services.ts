import { Node } from "ts-morph";
import type { CallPlan } from "../clients/plan-call.js";
import type { Reason } from "../shared/reasons.js";
import type { ChannelPlan, TransportPlan } from "./channel.js";
import { constructorOf, instanceType } from "./client-definitions.js";
import type { ClientChannelFact } from "./client-facts.js";
import type { OwnInterface } from "./client-interfaces.js";
import { mayAsk, type Stub } from "./client-stubs.js";
import type { TakenParameter } from "./client-taken.js";
import type { RpcRef } from "./facts.js";
import { isTypeScript } from "./language.js";
import type { Unseen } from "./unseen-results.js";

export interface Service {
  readonly name: string;
  readonly constructions: Construction[];
  readonly calls: Call[];
  readonly promisified: Promisified[];
  readonly closes: Node[];
  readonly channelCalls: ChannelCall[];
  readonly types: Node[];
  /** Interfaces that the program wrote for its clients. */
  readonly interfaces: OwnInterface[];
  /** Annotations of names that hold a promisified method. */
  readonly methodTypes: { readonly node: Node; readonly member: string; readonly method: Node }[];
  /** Annotations of names that hold clients of other services, too. */
  readonly anyTypes: Node[];
  /** Parameters that its methods are passed for. */
  readonly taken: TakenParameter[];
  /** Services whose methods are passed for the same parameters: all of them change, or none. */
  readonly peers: Set<Service>;
  /** Names of types, `ClientReadableStream`, of streams that are iterated and nothing else. */
  readonly streamTypes: Node[];
  /** Functions of tests in the place of methods, which can change with the client. */
  readonly stubs: Stub[];
  /** Why clients of this service stay bridged. */
  readonly obstacles: Obstacle[];
}

/** A call about the channel of a client, which a function of the runtime answers. */
export interface ChannelCall {
  readonly node: Node;
  readonly function: ClientChannelFact["function"];
  readonly isMember: boolean;
  readonly isAwaited: boolean;
}

export interface Obstacle {
  readonly node: Node;
  readonly detail: string;
  /** What a function of the runtime gives the shape of grpc-js, for this use alone; null: the whole client keeps its shape. */
  readonly view: ClientView | null;
}

export interface ClientView {
  readonly node: Node;
  /** The old client's type, in TypeScript. */
  readonly type: string | null;
}

export interface Construction {
  readonly node: Node;
  /** Why the construction stays: a test puts something else in its place, or the program changes its class. */
  replaced: Reason | null;
  transport: TransportPlan | ChannelPlan;
}

export interface Call {
  readonly node: Node;
  readonly rpc: RpcRef;
  readonly form: "client" | "promisified";
  /** It calls a function that a method was taken as, and not a member of the client. */
  readonly isTaken: boolean;
  readonly plan: CallPlan;
  readonly unseen: Unseen | null;
}

export interface Promisified {
  /** The whole expression. */
  readonly node: Node;
  readonly method: Node;
  readonly rpc: RpcRef;
  readonly form: "client" | "promisified";
}

export const UNPLANNED: ChannelPlan = { kind: "channel", detail: "", args: null };

/** Calls of the service become Connect's; uses that cannot change get a view of the client, if any other can. */
export function isIdiomatic(service: Service): boolean {
  const group = new Set([service]);
  for (const each of group) for (const peer of each.peers) group.add(peer);
  return [...group].every(mayChange);
}

function mayChange(service: Service): boolean {
  const { obstacles, calls, promisified } = service;
  if (obstacles.length === 0) return true;
  if (!obstacles.every((obstacle) => isBesideStubs(service, obstacle))) return false;
  // The program's own type of a client is that of one shape.
  if (service.interfaces.length > 0) return false;
  const hasOther = promisified.length > 0 || calls.some((call) => viewAt(service, call) === undefined);
  return hasOther && obstacles.every((obstacle) => obstacle.view !== null);
}

/** A view asks its own methods, not those that a test put into the client: it is for calls of others alone. */
function isBesideStubs({ stubs, calls }: Service, { node }: Obstacle): boolean {
  if (stubs.length === 0) return true;
  const call = calls.find((each) => each.node === node);
  return call !== undefined && !stubs.some((stub) => mayAsk(call, stub));
}

export function viewAt(service: Service, call: Call): Obstacle | undefined {
  return service.obstacles.find((obstacle) => obstacle.node === call.node && obstacle.view !== null);
}

export function isConnect(service: Service, call: Call): boolean {
  return isIdiomatic(service) && viewAt(service, call) === undefined;
}

/** The client of `client.method(…)`. */
export function receiverOf(call: Call): Node | undefined {
  const callee =
    call.form === "client" && !call.isTaken && Node.isCallExpression(call.node) ? call.node.getExpression() : undefined;
  if (!callee || !(Node.isPropertyAccessExpression(callee) || Node.isElementAccessExpression(callee))) return undefined;
  return callee.hasQuestionDotToken() ? undefined : callee.getExpression();
}

/** In TypeScript, the old type has to have a name in the file. */
export function viewOf(service: Service, node: Node | undefined): ClientView | null {
  if (!node) return null;
  const file = node.getSourceFile();
  if (!isTypeScript(file)) return { node, type: null };
  const made = service.constructions.find((construction) => construction.node.getSourceFile() === file);
  const annotation = service.types.find((type) => type.getSourceFile() === file);
  const type = node.getType().isAny()
    ? "any"
    : ((made && instanceType(constructorOf(made.node))) ?? annotation?.getText());
  return type === undefined ? null : { node, type };
}
