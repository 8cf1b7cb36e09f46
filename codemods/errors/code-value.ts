import { isStatusOfGrpc } from "../clients/grpc-status.js";
import { type File, isFunction, isIdentifier, memberName, type Node, parentMap, unwrap } from "../shared/ast.js";
import { type Binding, scopesOf } from "../shared/scope.js";

/** Is a value the number of a status, not its name: `error.code`, `grpc.status.X`, and variables and parameters that hold nothing else? */
export function isCodeValue(file: File, node: Node): boolean {
  const parents = parentMap(file);
  const asked = new Set<Binding>();
  return isCode(node);

  function isCode(given: Node): boolean {
    const value = unwrap(given);
    if (value.type === "NumericLiteral") return true;
    if (value.type === "ConditionalExpression") return isCode(value.consequent) && isCode(value.alternate);
    if (value.type === "LogicalExpression") return isCode(value.left) && isCode(value.right);
    if (memberName(value) === "code") return isIdentifier(value.object) && NAMES_OF_ERRORS.test(value.object.name);
    if (memberName(value) !== undefined)
      return isIdentifier(value.object, "Code") || isStatusOfGrpc(file, value.object);
    const binding = isIdentifier(value) ? scopesOf(file).bindingOf(value) : undefined;
    if (!binding) return false;
    // It is looked at already.
    if (asked.has(binding)) return true;
    asked.add(binding);
    return holdsCodes(binding);
  }

  function holdsCodes(binding: Binding): boolean {
    const written = binding.writes.map(
      (write) => parents.get(write)?.type === "AssignmentExpression" && isPlain(parents.get(write) as Node),
    );
    if (!written.every(Boolean)) return false;
    const values = binding.writes.map((write) => (parents.get(write) as Node).right as Node);
    if (!values.every(isCode)) return false;
    const { declaration } = binding;
    if (declaration.type === "VariableDeclarator" && isIdentifier(declaration.id))
      return declaration.init ? isCode(declaration.init) : values.length > 0;
    return binding.kind === "param" && isIdentifier(declaration) && areCodesPassed(declaration);
  }

  /** Do all calls of a function give a code for a parameter? */
  function areCodesPassed(param: Node): boolean {
    const owner = parents.get(param);
    if (!isFunction(owner)) return false;
    const holder = parents.get(owner) as Node;
    const name =
      owner.type === "FunctionDeclaration" ? owner.id : holder.type === "VariableDeclarator" ? holder.id : null;
    const binding = isIdentifier(name) ? scopesOf(file).bindingOf(name) : undefined;
    if (!binding || binding.writes.length > 0 || binding.references.length === 0) return false;
    const index = owner.params.indexOf(param);
    return binding.references.every((reference) => {
      const call = parents.get(reference) as Node;
      const given = call.type === "CallExpression" && call.callee === reference && (call.arguments as Node[])[index];
      const isSpread = given && (call.arguments as Node[]).some((each) => each.type === "SpreadElement");
      return given && !isSpread && isCode(given);
    });
  }
}

/** Anything else may have the name of a status for its code: `policy.code`. */
const NAMES_OF_ERRORS = /^(e|ex|exception|reason|caught|\w*(err|error|status))$/i;

function isPlain(assignment: Node): boolean {
  return assignment.operator === "=" && isIdentifier(assignment.left);
}
