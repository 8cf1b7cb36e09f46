import { type BinaryExpression, Node, SyntaxKind } from "ts-morph";
import { isNothing, localDeclaration } from "./assignments.js";
import { classAround } from "./client-fields.js";
import { assignedValue, isValueAssignment } from "./exports.js";
import { isSameOrigin, type Origin, UNKNOWN } from "./origin.js";

/** A list, a Map, or an object that is used by keys. */
type Shape = "list" | "map" | "record";

export interface CollectionsInput {
  originOf(node: Node): Origin;
  /** What a function returns. */
  originOfResult(fn: Node): Origin;
  writesTo(declaration: Node): readonly (Node | null)[];
  identifiersNamed(text: string): readonly Node[];
  cutShort(): void;
}

export interface Collections {
  /** The client that every element of a list, a Map or a record is, where all that is done with it is known. */
  elementOf(holder: Node): Origin;
  /** The same for what a loop runs over, `clients.values()`; `isEntry`: the loop gives pairs of a key and an element. */
  iteratedElement(expression: Node, isEntry: boolean): Origin;
}

/** Clients by address, in a pool: variables and fields that hold several of a kind. */
export function createCollections({
  originOf,
  originOfResult,
  writesTo,
  identifiersNamed,
  cutShort,
}: CollectionsInput): Collections {
  const known = new Map<Node, Origin>();
  const active = new Set<Node>();

  function elementOf(holder: Node): Origin {
    const declaration = declarationOf(holder);
    if (!declaration) return UNKNOWN;
    if (active.has(declaration)) {
      cutShort();
      return UNKNOWN;
    }
    const found = known.get(declaration);
    if (found) return found;
    active.add(declaration);
    const origin = elementOfDeclared(declaration);
    active.delete(declaration);
    if (origin.kind !== "unknown" || active.size === 0) known.set(declaration, origin);
    return origin;
  }

  /** A variable, or a field that only its class names. */
  function declarationOf(holder: Node): Node | undefined {
    if (Node.isVariableDeclaration(holder) || Node.isPropertyDeclaration(holder)) return holder;
    if (Node.isBinaryExpression(holder)) return isAssignedField(holder) ? holder : undefined;
    if (Node.isArrayLiteralExpression(holder)) return isOnlyLoopedOver(holder) ? holder : undefined;
    if (Node.isIdentifier(holder)) {
      const declaration = localDeclaration(holder);
      return declaration && Node.isVariableDeclaration(declaration) ? declaration : undefined;
    }
    if (!Node.isPropertyAccessExpression(holder) || holder.getExpression().getKind() !== SyntaxKind.ThisKeyword)
      return undefined;
    const owner = classAround(holder);
    const declared = owner?.getInstanceProperty(holder.getName());
    if (!owner || declared) return declared;
    // JavaScript: what a constructor assigns.
    const writes = owner.getDescendantsOfKind(SyntaxKind.BinaryExpression).filter((each) => {
      const isOwn = each.getOperatorToken().getKind() === SyntaxKind.EqualsToken && classAround(each) === owner;
      return isOwn && each.getLeft().getText() === holder.getText();
    });
    return writes.length === 1 ? writes[0] : undefined;
  }

  function elementOfDeclared(declaration: Node): Origin {
    const initializer = initializerOf(declaration);
    const shape = initializer && shapeOf(initializer);
    const uses = shape && writesTo(declaration).length === 0 ? usesOf(declaration) : undefined;
    if (!initializer || !shape || !uses) return UNKNOWN;
    const values = startingValues(initializer);
    for (const use of uses) {
      const added = addedBy(use, shape);
      if (!added) return UNKNOWN;
      values.push(...added);
    }
    const origins = values
      .flatMap((value) => sourcesOf(value, declaration))
      .map((value) => (isFunctionNode(value) ? originOfResult(value) : originOf(value)));
    const [first] = origins;
    return first?.kind === "client" && origins.every((each) => isSameOrigin(each, first)) ? first : UNKNOWN;
  }

  /** What a value was made as, with what came out of the same collection left out: `let client = clients.get(key) ?? new X()`. */
  function sourcesOf(value: Node, declaration: Node): Node[] {
    if (Node.isBinaryExpression(value) && /^(\?\?|\|\|)$/.test(value.getOperatorToken().getText()))
      return [value.getLeft(), value.getRight()].flatMap((each) => sourcesOf(each, declaration));
    const read = Node.isCallExpression(value) ? value.getExpression() : value;
    if (Node.isElementAccessExpression(read) || Node.isPropertyAccessExpression(read))
      if (declarationOf(read.getExpression()) === declaration) return [];
    const variable = Node.isIdentifier(value) ? localDeclaration(value) : undefined;
    if (!variable || !Node.isVariableDeclaration(variable)) return [value];
    const initializer = variable.getInitializer();
    const given = [...(initializer && !isNothing(initializer) ? [initializer] : []), ...writesTo(variable)];
    // A loop's variable, and one that has no one value.
    if (given.length === 0 || given.some((each) => each === null || Node.isIdentifier(each))) return [value];
    return (given as Node[]).flatMap((each) => sourcesOf(each, declaration));
  }

  /** All mentions of a holder but its declaration; undefined where others than its file or class may mention it. */
  function usesOf(declaration: Node): Node[] | undefined {
    if (Node.isArrayLiteralExpression(declaration)) return [];
    if (Node.isVariableDeclaration(declaration)) {
      const name = declaration.getNameNode();
      if (!Node.isIdentifier(name) || declaration.isExported()) return undefined;
      return identifiersNamed(name.getText()).filter((each) => each !== name && localDeclaration(each) === declaration);
    }
    const name = nameOfField(declaration);
    const owner = classAround(declaration);
    const uses: Node[] = [];
    const mentions = name.getText().startsWith("#")
      ? (owner
          ?.getDescendantsOfKind(SyntaxKind.PrivateIdentifier)
          .filter((each) => each.getText() === name.getText()) ?? [])
      : identifiersNamed(name.getText());
    for (const each of mentions) {
      const access = each.getParent();
      if (each === name || !access || !Node.isPropertyAccessExpression(access) || access.getNameNode() !== each) {
        // Another thing of the same name; one that takes the field out of its object is not.
        if (access && Node.isBindingElement(access)) return undefined;
        continue;
      }
      if (access.getExpression().getKind() !== SyntaxKind.ThisKeyword) {
        const object = originOf(access.getExpression());
        if (object.kind === "unknown" || (object.kind === "instance" && object.class === owner)) return undefined;
      } else if (classAround(access) === owner) uses.push(access);
      else if (classAround(access)?.getExtends()) return undefined;
    }
    return uses;
  }

  /** What a use puts into a collection; undefined for a use that is not known. */
  function addedBy(use: Node, shape: Shape): Node[] | undefined {
    const parent = use.getParent();
    if (!parent) return undefined;
    if (Node.isElementAccessExpression(parent) && parent.getExpression() === use) return addedTo(parent);
    if (Node.isPropertyAccessExpression(parent) && parent.getExpression() === use) {
      const name = parent.getName();
      const call = parent.getParent();
      if (!call || !Node.isCallExpression(call) || call.getExpression() !== parent)
        return shape === "record" ? addedTo(parent) : /^(size|length)$/.test(name) ? [] : undefined;
      if (shape === "record") return undefined;
      const args = call.getArguments();
      if (args.some((each) => Node.isSpreadElement(each))) return undefined;
      if (shape === "map" && name === "set") return args.slice(1, 2);
      if (shape === "list" && /^(push|unshift)$/.test(name)) return args;
      if ((shape === "map" ? /^(get|has|delete|clear|keys)$/ : /^(at|shift|pop)$/).test(name)) return [];
      return isLoopedOver(call, name) ? [] : undefined;
    }
    if (Node.isBinaryExpression(parent))
      return parent.getRight() === use && parent.getOperatorToken().getText() === "in" ? [] : undefined;
    if (Node.isForOfStatement(parent)) return shape !== "record" && parent.getExpression() === use ? [] : undefined;
    if (Node.isCallExpression(parent) && shape === "record") {
      const of = /^Object\.(keys|values|entries)$/.exec(parent.getExpression().getText())?.[1];
      return of === "keys" || (of !== undefined && isLoopedOver(parent, of)) ? [] : undefined;
    }
    return undefined;
  }

  /** `holder[key]`: read, assigned to or deleted. */
  function addedTo(element: Node): Node[] {
    const parent = element.getParent();
    if (!parent || !Node.isBinaryExpression(parent) || parent.getLeft() !== element) return [];
    return isValueAssignment(parent.getOperatorToken().getKind()) ? [assignedValue(parent)] : [];
  }

  /** `for (const x of holder.values())`, `holder.forEach((x) => …)`: where every element gets a name. */
  function isLoopedOver(call: Node, name: string): boolean {
    if (/^(forEach|map)$/.test(name)) {
      const [fn, more] = (call as import("ts-morph").CallExpression).getArguments();
      return !!fn && !more && isFunctionNode(fn);
    }
    const parent = call.getParent();
    if (!/^(values|entries)$/.test(name) || !parent) return false;
    if (Node.isForOfStatement(parent)) return parent.getExpression() === call;
    const on = parent.getParent();
    if (!Node.isPropertyAccessExpression(parent) || !on || !Node.isCallExpression(on)) return false;
    return name === "values" && isLoopedOver(on, parent.getName() === "forEach" ? "forEach" : "");
  }

  function iteratedElement(expression: Node, isEntry: boolean): Origin {
    if (Node.isCallExpression(expression)) {
      const callee = expression.getExpression();
      const [first] = expression.getArguments();
      if (!Node.isPropertyAccessExpression(callee)) return UNKNOWN;
      const isWanted = callee.getName() === (isEntry ? "entries" : "values");
      const isOfObject = callee.getExpression().getText() === "Object";
      return isWanted ? elementOf(isOfObject && first ? first : callee.getExpression()) : UNKNOWN;
    }
    const declaration = declarationOf(expression);
    const initializer = declaration && initializerOf(declaration);
    return initializer && shapeOf(initializer) === (isEntry ? "map" : "list") ? elementOf(expression) : UNKNOWN;
  }

  return { elementOf, iteratedElement };
}

function initializerOf(declaration: Node): Node | undefined {
  if (Node.isBinaryExpression(declaration)) return declaration.getRight();
  if (Node.isArrayLiteralExpression(declaration)) return declaration;
  const isHolder = Node.isVariableDeclaration(declaration) || Node.isPropertyDeclaration(declaration);
  return isHolder ? declaration.getInitializer() : undefined;
}

/** `this.clients = …`; another expression with two sides, `lists.get(key) ?? []`, is no holder. */
function isAssignedField(expression: BinaryExpression): boolean {
  const isAssignment = expression.getOperatorToken().getKind() === SyntaxKind.EqualsToken;
  return isAssignment && Node.isPropertyAccessExpression(expression.getLeft());
}

function nameOfField(declaration: Node): Node {
  const named = Node.isBinaryExpression(declaration) ? declaration.getLeft() : declaration;
  return (named as unknown as { getNameNode(): Node }).getNameNode();
}

function shapeOf(made: Node): Shape | undefined {
  const text = made.getText();
  if (Node.isNewExpression(made))
    return made.getExpression().getText() === "Map" && made.getArguments().length === 0 ? "map" : undefined;
  if (Node.isArrayLiteralExpression(made))
    return made.getElements().some((each) => Node.isSpreadElement(each)) ? undefined : "list";
  if (text === "{}" || text === "Object.create(null)") return "record";
  return makerIn(made) ? "list" : undefined;
}

/** The function whose results a list is made of: `addresses.map((address) => …)`, `Array.from({ length: 3 }, () => …)`. */
function makerIn(made: Node): Node | undefined {
  if (!Node.isCallExpression(made)) return undefined;
  const callee = made.getExpression();
  if (!Node.isPropertyAccessExpression(callee)) return undefined;
  const [first, second, third] = made.getArguments();
  const isFrom = callee.getText() === "Array.from";
  const fn = isFrom && !third ? second : callee.getName() === "map" && !second ? first : undefined;
  return fn && isFunctionNode(fn) ? fn : undefined;
}

function startingValues(made: Node): Node[] {
  if (Node.isArrayLiteralExpression(made)) return [...made.getElements()];
  const maker = makerIn(made);
  return maker ? [maker] : [];
}

function isFunctionNode(node: Node): boolean {
  return Node.isArrowFunction(node) || Node.isFunctionExpression(node);
}

/** The variable or field whose list a value is put into where it is made: `[new X()]`, `map(() => new X())`. */
export function madeListAround(value: Node): Node | undefined {
  let made = value.getParent();
  if (made && !Node.isArrayLiteralExpression(made)) {
    const fn = Node.isReturnStatement(made)
      ? made.getFirstAncestor((up) => Node.isFunctionLikeDeclaration(up) || Node.isFunctionExpression(up))
      : made;
    made = fn?.getParent();
    if (!made || makerIn(made) !== fn) return undefined;
  }
  if (made && isOnlyLoopedOver(made)) return made;
  const holder = made?.getParent();
  return holder && initializerOf(holder) === made ? holder : undefined;
}

/** `for (const client of [users, orders])`, `[users, orders].forEach((client) => …)` */
function isOnlyLoopedOver(list: Node): boolean {
  const parent = list.getParent();
  if (!Node.isArrayLiteralExpression(list) || !parent) return false;
  if (Node.isForOfStatement(parent)) return parent.getExpression() === list;
  const call = parent.getParent();
  if (!Node.isPropertyAccessExpression(parent) || !Node.isCallExpression(call) || call.getExpression() !== parent)
    return false;
  const [fn, more] = call.getArguments();
  return /^(forEach|map)$/.test(parent.getName()) && !!fn && !more && isFunctionNode(fn);
}
