// What the server says of a body: the schemas of its OpenAPI document, made plain.
//
//   const { routes, shape } = described(await get("//openapi.json"));
//   routes                  [["POST /api/v1/jobs", "Create a job"], …]
//   shape("NewFault")       { kind: "object", members: { times: { kind: "number", about, example, min, max }, … } }
//
// Kinds: object, choice (with `options`), number, text, switch; json is all that has no control of its own.

const METHODS = new Set(["get", "post", "put", "patch", "delete"]);

export function described({ paths, components }) {
  const all = components.schemas;
  return {
    routes: Object.entries(paths).flatMap(([path, each]) => Object.entries(each)
      .filter(([method]) => METHODS.has(method)).map(([method, it]) => [`${method.toUpperCase()} ${path}`, it.summary ?? ""])),
    shape: name => plain(all[name], all),
  };
}

// What is said of its members, together.
const exampleOf = ({ example, members = {} }) => example ?? Object.fromEntries(Object.entries(members).filter(([, it]) => it.example !== undefined).map(([name, it]) => [name, it.example]));

function plain(schema, all) {
  const own = { about: schema.description, example: schema.examples?.[0] };
  const named = schema.$ref && all[schema.$ref.split("/").at(-1)];
  const others = named ? [named] : (schema.anyOf ?? []).filter(it => it.type !== "null");
  if (others.length === 1) {
    const it = plain(others[0], all);
    return { ...it, about: own.about ?? it.about, example: own.example ?? it.example };
  }
  if (others.length) {
    const each = others.map(it => plain(it, all)), words = each.flatMap(it => it.options ?? (it.members ? [`{${Object.keys(it.members).join(", ")}}`] : []));
    return { about: [own.about, words.length && words.map(it => `\`${it}\``).join(", ")].filter(Boolean).join("; or "), example: own.example ?? exampleOf(each[0]), kind: "json" };
  }
  const type = [schema.type].flat().find(it => it !== "null");
  const bounds = { ...own, min: schema.minimum, max: schema.maximum, length: schema.maxLength };
  if (schema.enum) return { ...own, kind: "choice", options: schema.enum };
  if (schema.properties) {
    return { ...own, kind: "object", members: Object.fromEntries(Object.entries(schema.properties).map(([name, it]) => [name, plain(it, all)])) };
  }
  return { ...bounds, kind: { boolean: "switch", integer: "number", number: "number", string: "text" }[type] ?? "json", isWhole: type === "integer" };
}
