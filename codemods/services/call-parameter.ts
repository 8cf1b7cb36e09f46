import { isIdentifier, type Node } from "../shared/ast.js";
import type { Scopes } from "../shared/scope.js";
import { memberOfPart } from "./call-properties.js";
import { refuse } from "./handler-draft.js";

/** What a handler's first parameter is: the call, or what it takes of it (`({ request, metadata }, callback)`). */
export interface CallParameter {
  /** Every use of the call. */
  readonly references: readonly Node[];
  /** The name or pattern that takes the request of a call that is taken apart. */
  readonly requestPattern: Node | null;
  readonly taken: readonly TakenParameter[];
}

/** Every use of what a parameter takes beside the request: the metadata, or a `property` that wrappers put on the call. */
export interface TakenParameter {
  readonly property?: string;
  readonly references: readonly Node[];
}

export function callParameter(
  param: Node,
  streamsIn: boolean,
  scopes: Scopes,
  properties: readonly string[],
): CallParameter {
  if (isIdentifier(param)) return { references: usesOf(param, scopes), requestPattern: null, taken: [] };
  if (param.type !== "ObjectPattern") refuse("call-escapes", "the call is not a plain parameter");
  if (streamsIn) refuse("call-escapes", "the call is destructured");
  let requestPattern: Node | null = null;
  const taken: TakenParameter[] = [];
  for (const part of param.properties as Node[]) {
    const name = memberOfPart(part);
    const value = part.value as Node;
    if (name === "request" && !requestPattern) {
      if (value.type === "AssignmentPattern") refuse("types-unknown", "a request with a default");
      requestPattern = value;
      continue;
    }
    const isProperty = name !== undefined && properties.includes(name);
    if ((name !== "metadata" && !isProperty) || !isIdentifier(value))
      refuse("call-escapes", "the call is destructured");
    taken.push({ ...(isProperty ? { property: name } : {}), references: usesOf(value, scopes) });
  }
  return { references: [], requestPattern, taken };
}

function usesOf(name: Node, scopes: Scopes): readonly Node[] {
  const binding = scopes.bindingOf(name);
  if (!binding || binding.writes.length > 0) refuse("call-escapes", `${name.name} is assigned again`);
  return binding.references;
}
